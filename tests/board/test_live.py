"""Live pages, over a real connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from streamroute.board.http.listening import listen
from streamroute.board.http.server import serving
from streamroute.board.live import LivePages
from streamroute.errors import RedisUnavailableError
from streamroute.ops.metrics.server import Endpoint
from streamroute.system.waiting import wait_until


class Page:
    def __init__(self, most: int = 64) -> None:
        self.live = LivePages(every=0.01, most=most)
        self.parts: dict[str, str] = {"a": "1", "b": "<b>"}
        self.renderings = 0
        self.is_away = False

    async def render(self) -> Mapping[str, str]:
        self.renderings += 1
        if self.is_away:
            raise RedisUnavailableError("away")
        return dict(self.parts)

    async def answer(self, request: Request) -> Response:
        return self.live.answer(request, self.render)


@asynccontextmanager
async def opened(page: Page) -> AsyncIterator[tuple[int, asyncio.StreamReader]]:
    app = Starlette(routes=[Route("/", page.answer)])
    async with serving(app, listen(Endpoint("127.0.0.1", 0))) as at:
        reader, writer = await get(at.port)
        try:
            yield at.port, reader
        finally:
            writer.transport.abort()


async def get(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return reader, writer


async def part(reader: asyncio.StreamReader) -> tuple[str, str]:
    while not (line := await reader.readline()).startswith(b"data: "):
        assert line, "the stream has ended"
    value = json.loads(line[6:])
    return value["name"], value["html"]


async def test_all_parts_are_sent_then_those_that_change() -> None:
    page = Page()
    async with opened(page) as (_, reader):
        assert [await part(reader), await part(reader)] == [("a", "1"), ("b", "<b>")]
        page.parts["a"] = "2"
        assert await part(reader) == ("a", "2")


async def test_a_reader_that_leaves_frees_its_place() -> None:
    page = Page(most=1)
    async with opened(page) as (port, reader):
        await part(reader)
        second, writer = await get(port)
        assert b" 503 " in await second.readline()
        writer.close()
    await wait_until(lambda: page.live.open == 0)


async def test_an_error_ends_the_stream_and_the_browser_comes_again() -> None:
    page = Page()
    async with opened(page) as (_, reader):
        await part(reader)
        page.is_away = True
        while await reader.readline():
            pass
    assert page.live.open == 0
