"""Round trips: commands sent together, and their answers.

They use a connection of the pool directly: redis-py's pipeline takes twice as long, and retries, although a
command that is sent twice may be executed twice.
"""

from __future__ import annotations

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
from streamroute.adapters.redis.exchange import CommandArgs, exchange
from streamroute.adapters.redis.swallowed_cancellation import SwallowedCancellation
from streamroute.system.forked import exit_if_forked

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
    cancelled = SwallowedCancellation()
    connection: Any = await _connection(pool)
    try:
        cancelled.raise_if_swallowed()
        replies = await exchange(connection, commands)
        return [_typed_error(reply) if isinstance(reply, ResponseError) else reply for reply in replies]
    except BaseException:
        # Answers may still be in transit; the next command must not read them.
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)


async def _connection(pool: Any) -> Any:
    try:
        return await pool.get_connection()
    except Exception as error:  # noqa: BLE001 - whatever the error, nothing was sent
        raise NotSentError(error) from None


def _typed_error(error: ResponseError) -> ResponseError:
    """Return the error with its specific class, which redis-py 5 uses in its cluster clients only.

    A permission error omits the user name: it is logged, and the name may come from a variable.
    """
    if type(error) is NoPermissionError:
        return NoPermissionError(redact_server_error(str(error)))
    name, _, text = str(error).partition(" ")
    return _CLUSTER_ERRORS[name](text) if type(error) is ResponseError and name in _CLUSTER_ERRORS else error
