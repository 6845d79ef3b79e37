"""The replies of one round trip, parsed as they arrive."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

try:
    from hiredis import PushNotification
except ImportError:  # before hiredis 3.2, whose readers return none
    PushNotification = ()  # type: ignore[assignment, misc]  # what no reply is an instance of

_CLOSED: Final = "Connection closed by server."  # as redis-py says it


class ReplyReader(Protocol):
    """An incremental parser of replies: hiredis' Reader."""

    def feed(self, buffer: bytes, /) -> None:
        """Add received bytes."""

    def gets(self) -> Any:
        """Return the next reply, or NOT_ENOUGH_DATA."""


class ReplyProtocol(asyncio.Protocol):
    """Receives ``expected`` replies in place of ``stream``, the protocol that redis-py gave the connection.

    ``replies`` is resolved with all of them. It fails with what redis-py raises: a reply that is a connection
    error, a broken connection, or no reply for ``timeout`` seconds (None: no limit). ``stream`` is told of
    what it needs to go on later. What arrives after the last reply stays in ``reader``, where the pool
    finds it. ``server`` names the server in errors.
    """

    def __init__(
        self, stream: Any, reader: ReplyReader, expected: int, *, timeout: float | None, server: str
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.replies: asyncio.Future[list[Any]] = self._loop.create_future()
        self._stream = stream
        self._reader = reader
        self._expected = expected
        self._server = server
        self._received: list[Any] = []
        self._progress_at = self._loop.time()  # the last reply
        self._timer = None if timeout is None else self._loop.call_later(timeout, self._expire, timeout)

    def stop(self) -> None:
        """End the time limit; an error that came together with a cancellation is dropped."""
        if self._timer is not None:
            self._timer.cancel()
        if self.replies.done() and not self.replies.cancelled():
            self.replies.exception()  # else asyncio logs it as never retrieved

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        try:
            self._reader.feed(data)
            self._take_replies()
        except Exception as error:  # noqa: BLE001 - for the caller; the event loop would only log it
            self._fail(error)

    def eof_received(self) -> bool | None:
        """Fail, as the server sends no more."""
        self._fail(RedisConnectionError(_CLOSED))
        keep_open: bool | None = self._stream.eof_received()
        return keep_open

    def connection_lost(self, error: Exception | None) -> None:
        """Fail, and end the stream: someone may wait until it is closed."""
        if isinstance(error, OSError):
            self._fail(RedisConnectionError(f"Error while reading from {self._server} : {error.args}"))
        else:
            self._fail(error or RedisConnectionError(_CLOSED))
        self._stream.connection_lost(error)

    def pause_writing(self) -> None:
        """Tell the stream, which the next writer asks."""
        self._stream.pause_writing()

    def resume_writing(self) -> None:
        """Start the time limit again: the server has only now received most of the commands."""
        self._progress_at = self._loop.time()
        self._stream.resume_writing()

    def _take_replies(self) -> None:
        while not self.replies.done():
            reply = self._reader.gets()
            if reply is NOT_ENOUGH_DATA:
                return
            if isinstance(reply, PushNotification):
                continue  # nobody has asked for any: redis-py drops it, too
            self._add(reply)

    def _add(self, reply: Any) -> None:
        first = reply[0] if type(reply) is list and reply else reply
        if isinstance(first, RedisConnectionError):
            self._fail(first)  # such as LOADING
            return
        self._received.append(reply)
        if len(self._received) == self._expected:
            self.replies.set_result(self._received)
        else:
            self._progress_at = self._loop.time()

    def _expire(self, timeout: float) -> None:
        """Fail, unless a reply has arrived within the time limit."""
        left = self._progress_at + timeout - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._expire, timeout)
        else:
            self._fail(RedisTimeoutError(f"Timeout reading from {self._server}"))

    def _fail(self, error: Exception) -> None:
        if not self.replies.done():
            self.replies.set_exception(error)
