"""Round trips: commands sent together, and their answers.

They use a connection of the pool directly: redis-py's pipeline takes twice as long, and retries, although a
command that is sent twice may be executed twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import ConnectionPool
from redis.exceptions import (
    AskError,
    ClusterDownError,
    MovedError,
    NoPermissionError,
    ResponseError,
    TryAgainError,
)

from streamroute.adapters.redis.driver_errors import redact_server_error
from streamroute.system.forked import exit_if_forked

CommandArgs = Sequence[str | bytes | float]
"""A command and its arguments."""

_CLUSTER_ERRORS: Final = {
    "MOVED": MovedError,
    "ASK": AskError,
    "TRYAGAIN": TryAgainError,
    "CLUSTERDOWN": ClusterDownError,
}


class NotSentError(Exception):
    """Raised when no connection could be made, so nothing was sent; ``cause`` is the original error."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


async def round_trip(pool: ConnectionPool, commands: Sequence[CommandArgs]) -> list[Any]:
    """Send commands in one round trip; an answer may be an exception.

    Raises NotSentError if no connection can be made, and what redis-py raises if the connection breaks or
    the server is not ready.
    """
    exit_if_forked()  # a forked child must not write to its parent's connection
    cancelled = _Cancellation()
    connection: Any = await _connection(pool)
    try:
        cancelled.raise_if_swallowed()
        await connection.send_packed_command(connection.pack_commands(commands))
        cancelled.raise_if_swallowed()
        return [await _answer(connection) for _ in commands]
    except BaseException:
        # Answers may still be in transit; the next command must not read them.
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)


class _Cancellation:
    """Detects a swallowed cancellation of the current task.

    redis-py connects and sends within ``asyncio.wait_for``, which before Python 3.12 swallows a cancellation
    that arrives together with the result.
    """

    __slots__ = ("_before", "_task")

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._before = self._task.cancelling() if self._task else 0

    def raise_if_swallowed(self) -> None:
        if self._task is not None and self._task.cancelling() > self._before:
            raise asyncio.CancelledError


async def _connection(pool: Any) -> Any:
    try:
        return await pool.get_connection()
    except Exception as error:  # noqa: BLE001 - whatever the error, nothing was sent
        raise NotSentError(error) from None


async def _answer(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return _typed_error(error)


def _typed_error(error: ResponseError) -> ResponseError:
    """Return the error with its specific class, which redis-py 5 uses in its cluster clients only.

    A permission error omits the user name: it is logged, and the name may come from a variable.
    """
    if type(error) is NoPermissionError:
        return NoPermissionError(redact_server_error(str(error)))
    name, _, text = str(error).partition(" ")
    return _CLUSTER_ERRORS[name](text) if type(error) is ResponseError and name in _CLUSTER_ERRORS else error
