"""Forms as anybody may send them, before anybody has signed in."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from streamroute.board.forms import parse_form

URL_ENCODED = "application/x-www-form-urlencoded"


async def echo(request: Request) -> Response:
    return JSONResponse(dict(await parse_form(request)))


async def send(body: bytes, content_type: str = URL_ENCODED) -> httpx.Response:
    transport = httpx.ASGITransport(app=Starlette(routes=[Route("/", echo, methods=["POST"])]))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.post("/", content=body, headers={"content-type": content_type})


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"", {}),
        (b"a=1&b=&a=2", {"a": "2", "b": ""}),
        (b"a=%C3%A9+x", {"a": "\u00e9 x"}),
        (b"a=%ED%A0%80%00", {"a": "\ufffd\ufffd\ufffd\0"}),  # half of a pair is no character
        (b"a=\xff%", {"a": "\ufffd%"}),
    ],
)
async def test_a_form_is_read_as_utf8(body: bytes, form: dict[str, Any]) -> None:
    answer = await send(body, f"{URL_ENCODED}; charset=utf-7")
    assert answer.json() == form


@pytest.mark.parametrize("charset", ["punycode", "utf-7", "unicode_escape"])
async def test_a_form_with_files_is_refused_unread(charset: str) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n' + b"b" * 1_000_000 + b"\r\n--x--\r\n"
    )
    answer = await send(body, f"multipart/form-data; boundary=x; charset={charset}")
    assert answer.status_code == 415


@pytest.mark.parametrize("body", [b"&" * 2_000_000, b"a=1&" * 200])
async def test_a_form_of_many_fields_is_refused(body: bytes) -> None:
    assert (await send(body)).status_code == 400
