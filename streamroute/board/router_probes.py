"""``/metrics``, ``/healthz`` and ``/readyz`` of a board that is linked to its router: the router answers."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener
from urllib.request import Request as UrlRequest

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_PATIENCE: Final = 12.0  # seconds; the router's own deadline is shorter
_MAX_BYTES: Final = 256 * 1024 * 1024
_AT_ONCE: Final = 4
_PASSED_ON: Final = ("accept", "accept-encoding")

_direct = build_opener(ProxyHandler({}))  # never through a proxy of the environment


def router_probes(port: int) -> list[Route]:
    """Return routes that pass requests on to the port of the router's metrics on this machine."""
    paths = {"/metrics": "/metrics", "/healthz": "/healthz", "/readyz": "/healthz"}
    turns = {path: asyncio.Semaphore(_AT_ONCE) for path in paths}  # a probe waits for no scrape
    return [Route(path, partial(_pass_on, port, target, turns[path])) for path, target in paths.items()]


async def _pass_on(port: int, path: str, turns: asyncio.Semaphore, request: Request) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
    async with turns:
        return await asyncio.to_thread(_fetch, f"http://127.0.0.1:{port}{path}{query}", headers)


def _fetch(url: str, headers: dict[str, str]) -> Response:
    try:
        with _direct.open(UrlRequest(url, headers=headers), timeout=_PATIENCE) as answer:  # noqa: S310 - http
            return _response(answer.status, answer.read(_MAX_BYTES), dict(answer.headers))
    except HTTPError as error:
        with error:
            return _response(error.code, error.read(_MAX_BYTES), dict(error.headers))
    except (URLError, OSError) as error:
        return PlainTextResponse(f"the router does not answer: {getattr(error, 'reason', error)}\n", 503)


def _response(status: int, content: bytes, headers: dict[str, str]) -> Response:
    kept: dict[str, str] = {
        name: headers[name] for name in ("Content-Type", "Content-Encoding") if name in headers
    }
    return Response(content, status, kept)
