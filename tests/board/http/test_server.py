"""The HTTP server of the board, over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from streamroute.board.http.body_limit import BodyLimit
from streamroute.board.http.bounded_protocol import LIVE_STREAM, ConnectionLimits
from streamroute.board.http.listening import listen
from streamroute.board.http.server import serving
from streamroute.errors import SetupError
from streamroute.ops.metrics.server import Endpoint
from streamroute.system.waiting import wait_until

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[..., Awaitable[Connection]]


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def large(_request: Request) -> Response:
    return PlainTextResponse("x" * 50_000_000)


async def live(request: Request) -> Response:
    setattr(request.state, LIVE_STREAM, True)

    async def events() -> AsyncIterator[str]:
        yield "data: 1\n\n"
        await asyncio.Event().wait()

    return StreamingResponse(events(), media_type="text/event-stream")


async def flood(request: Request) -> Response:
    setattr(request.state, LIVE_STREAM, True)

    async def events() -> AsyncIterator[str]:
        while True:
            yield "data: x\n\n" * 100_000
            await asyncio.sleep(0)

    return StreamingResponse(events(), media_type="text/event-stream")


ROUTES = [
    Route("/", hello),
    Route("/echo", echo, methods=["POST"]),
    Route("/large", large),
    Route("/live", live),
    Route("/flood", flood),
]


@asynccontextmanager
async def server(patience: float = 30.0, most: int = 256) -> AsyncIterator[tuple[int, ConnectionLimits]]:
    limits = ConnectionLimits(most, patience)
    app = Starlette(routes=ROUTES, middleware=[Middleware(BodyLimit, most=1000)])
    async with serving(app, listen(Endpoint("127.0.0.1", 0)), limits=limits) as at:
        yield at.port, limits


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    opened: list[asyncio.StreamWriter] = []

    async def connect(port: int, sent: bytes = b"") -> Connection:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.append(writer)
        writer.write(sent)
        return reader, writer

    yield connect
    for writer in opened:
        writer.transport.abort()


async def answer(connection: Connection) -> bytes:
    """Return the start of the answer, or nothing if the connection was closed without one."""
    try:
        return await connection[0].read(1000)
    except ConnectionError:
        return b""


async def test_a_request_is_answered_without_naming_the_server(connect: Connect) -> None:
    async with server() as (port, _):
        text = await answer(await connect(port, HEAD + b"\r\n"))
    assert text.startswith(b"HTTP/1.1 200 OK")
    assert b"uvicorn" not in text


@pytest.mark.parametrize("sent", [b"", HEAD, b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1"])
async def test_an_unfinished_request_is_closed(sent: bytes, connect: Connect) -> None:
    async with server(patience=0.05) as (port, limits):
        assert await answer(await connect(port, sent)) == b""
        assert not limits.open


async def test_a_client_that_does_not_read_is_closed(connect: Connect) -> None:
    async with server(patience=0.05) as (port, limits):
        reader, _ = await connect(port, b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await wait_until(lambda: not limits.open)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(50_000_000)


async def test_a_live_stream_has_no_deadline(connect: Connect) -> None:
    async with server(patience=0.05) as (port, limits):
        reader, _ = await connect(port, b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"data: 1\n\n")
        other = await connect(port)  # its deadline is later than that of the stream
        assert await answer(other) == b""
        assert len(limits.open) == 1


async def test_a_live_stream_that_nobody_reads_is_closed(connect: Connect) -> None:
    async with server(patience=0.05) as (port, limits):
        await connect(port, b"GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await wait_until(lambda: bool(limits.open))
        await wait_until(lambda: not limits.open)
        assert limits.refused == 0


async def test_a_thousand_idle_connections_keep_nobody_out(connect: Connect) -> None:
    async with server(most=50) as (port, limits):
        for _ in range(1000):
            await connect(port)
        text = await answer(await connect(port, HEAD + b"\r\n"))
        assert text.startswith(b"HTTP/1.1 200 OK")
        assert len(limits.open) <= 50


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
async def test_an_invalid_request_is_refused(sent: bytes, connect: Connect) -> None:
    async with server() as (port, _):
        assert (await answer(await connect(port, sent))).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 1001\r\n\r\n",
        b"Content-Length: 99999999999999999999999999\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n",
    ],
)
async def test_a_large_body_is_refused(body: bytes, connect: Connect) -> None:
    async with server() as (port, _):
        text = await answer(await connect(port, b"POST /echo HTTP/1.1\r\nHost: localhost\r\n" + body))
    assert text.startswith((b"HTTP/1.1 413", b"HTTP/1.1 400"))


async def test_an_address_in_use_is_one_line() -> None:
    async with server() as (port, _):
        with pytest.raises(
            SetupError, match=f"--http cannot listen on 127.0.0.1:{port}: address already in use"
        ):
            listen(Endpoint("127.0.0.1", port))


def test_it_listens_on_ipv6() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with listen(Endpoint("::1", 0)) as listener:
        assert listener.family is socket.AF_INET6
