"""The replies of a round trip: any division of the bytes gives the same, and each end has its error."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hiredis import Reader
from hypothesis import given
from hypothesis import strategies as st
from redis._parsers import _AsyncHiredisParser
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.exceptions import BusyLoadingError, InvalidResponse, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from streamroute.adapters.redis.reply_protocol import ReplyProtocol


class Stream:
    """Records what the connection's own protocol is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def eof_received(self) -> bool:
        self.told.append("eof")
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self.told.append(error)

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")


def reader() -> Any:
    """Return a parser as redis-py makes it."""
    parse_error = _AsyncHiredisParser(65536).parse_error
    return Reader(protocolError=InvalidResponse, replyError=parse_error, notEnoughData=NOT_ENOUGH_DATA)


def protocol(expected: int = 1, *, stream: Any = None, source: Any = None, timeout: Any = None) -> Any:
    return ReplyProtocol(
        stream or Stream(), source or reader(), expected, timeout=timeout, server="the server"
    )


class SteppedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes when the test says so."""

    now = 0.0

    def time(self) -> float:
        return self.now


def on_stepped_loop(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=SteppedLoop) as runner:
        runner.run(run())


async def pass_time(seconds: float) -> None:
    """Let time pass, and what is due then run."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SteppedLoop)
    loop.now += seconds
    for _ in range(3):
        await asyncio.sleep(0)


REPLIES = (
    b"+OK\r\n:7\r\n$-1\r\n*2\r\n$1\r\na\r\n*1\r\n-ERR inner\r\n-ERR no\r\n%1\r\n$1\r\nk\r\n_\r\n$0\r\n\r\n"
)


def comparable(reply: Any) -> Any:
    """Return a reply with errors as text."""
    if isinstance(reply, Exception):
        return type(reply), str(reply)
    return [comparable(part) for part in reply] if isinstance(reply, list) else reply


@given(cuts=st.lists(st.integers(0, len(REPLIES)), max_size=12))
def test_the_division_of_the_bytes_does_not_matter(cuts: list[int]) -> None:
    async def receive() -> Any:
        receiving = protocol(7)
        bounds = [0, *sorted(cuts), len(REPLIES)]
        for start, end in itertools.pairwise(bounds):
            assert not receiving.replies.done() or start == len(REPLIES)
            receiving.data_received(REPLIES[start:end])
        return await receiving.replies

    replies = asyncio.run(receive())
    inner, refused = (ResponseError, "inner"), (ResponseError, "no")
    assert [comparable(reply) for reply in replies] == [
        *[b"OK", 7, None, [b"a", [inner]]],
        *[refused, {b"k": None}, b""],
    ]


@pytest.mark.parametrize(
    "sent", [b"-LOADING wait\r\n", b"*1\r\n-LOADING wait\r\n", b"+OK\r\n-LOADING wait\r\n"]
)
async def test_a_server_that_is_not_ready_is_raised(sent: bytes) -> None:
    receiving = protocol(3)
    receiving.data_received(sent)
    with pytest.raises(BusyLoadingError, match="wait"):
        await receiving.replies


async def test_bytes_that_are_no_reply_are_raised() -> None:
    receiving = protocol()
    receiving.data_received(b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(InvalidResponse):
        await receiving.replies


async def test_a_push_message_is_no_reply() -> None:
    receiving = protocol(2)
    receiving.data_received(b"+a\r\n>2\r\n$10\r\ninvalidate\r\n_\r\n+b\r\n")
    assert await receiving.replies == [b"a", b"b"]


async def test_what_nobody_waits_for_stays_in_the_parser() -> None:
    """There the pool finds it, and closes the connection."""
    source = reader()
    receiving = protocol(source=source)
    receiving.data_received(b"+a\r\n+b\r\n")
    receiving.data_received(b"+c\r\n")
    assert await receiving.replies == [b"a"]
    assert [source.gets(), source.gets()] == [b"b", b"c"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (None, "Connection closed by server"),
        (ConnectionResetError(104, "reset"), r"Error while reading from the server : \(104, 'reset'\)"),
    ],
)
async def test_a_broken_connection_is_raised_and_the_stream_ends(error: Any, text: str) -> None:
    stream = Stream()
    receiving = protocol(stream=stream)
    receiving.connection_lost(error)
    with pytest.raises(RedisConnectionError, match=text):
        await receiving.replies
    assert stream.told == [error]


async def test_a_server_that_ends_the_connection_is_raised_and_the_stream_knows() -> None:
    stream = Stream()
    receiving = protocol(2, stream=stream)
    receiving.data_received(b"+half\r\n")
    assert receiving.eof_received() is True
    with pytest.raises(RedisConnectionError, match="Connection closed by server"):
        await receiving.replies
    receiving.connection_lost(None)
    assert stream.told == ["eof", None]


async def test_the_first_error_is_raised() -> None:
    receiving = protocol()
    receiving.data_received(b"-LOADING wait\r\n")
    receiving.connection_lost(ConnectionResetError(104, "reset"))
    with pytest.raises(BusyLoadingError):
        await receiving.replies


def test_a_server_that_does_not_reply_in_time_is_raised() -> None:
    async def run() -> None:
        receiving = protocol(3, timeout=1.0)
        for _ in range(2):
            await pass_time(0.9)
            receiving.data_received(b"+a\r\n")
        await pass_time(0.9)
        assert not receiving.replies.done()
        await pass_time(0.2)
        with pytest.raises(RedisTimeoutError, match="Timeout reading from the server"):
            await receiving.replies

    on_stepped_loop(run)


def test_each_reply_has_the_time_limit_and_so_has_sending() -> None:
    async def run() -> None:
        receiving = protocol(5, timeout=1.0)
        await pass_time(0.9)
        receiving.resume_writing()
        for _ in range(5):
            await pass_time(0.9)
            receiving.data_received(b"+a\r\n")
        assert await receiving.replies == [b"a"] * 5

    on_stepped_loop(run)


def test_there_may_be_no_time_limit() -> None:
    async def run() -> None:
        receiving = protocol()
        await pass_time(1e6)
        receiving.data_received(b"+a\r\n")
        assert await receiving.replies == [b"a"]

    on_stepped_loop(run)


async def test_a_cancelled_receiver_ignores_what_follows() -> None:
    receiving = protocol()
    receiving.replies.cancel()
    receiving.data_received(b"+a\r\n")
    receiving.connection_lost(None)
    assert receiving.replies.cancelled()


async def test_an_error_that_nobody_awaits_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    receiving = protocol(timeout=60)
    receiving.connection_lost(None)
    receiving.stop()
    del receiving
    gc.collect()
    assert caplog.records == []


async def test_the_stream_knows_whether_it_may_write() -> None:
    stream = Stream()
    receiving = protocol(stream=stream, timeout=60)
    receiving.pause_writing()
    receiving.resume_writing()
    receiving.stop()
    assert stream.told == ["pause", "resume"]
