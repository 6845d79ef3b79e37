"""Round trips: commands sent at once, and their answers.

Straight on a connection of the pool: redis-py's pipeline takes twice as long, and its retries are not
wanted, since a command that is sent twice may act twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import AskError, ClusterDownError, MovedError, ResponseError, TryAgainError

Words = Sequence[str | bytes | float]
"""A command and its arguments."""

_OF_CLUSTERS: Final = {
    "MOVED": MovedError,
    "ASK": AskError,
    "TRYAGAIN": TryAgainError,
    "CLUSTERDOWN": ClusterDownError,
}


async def together(client: Redis, commands: Sequence[Words]) -> list[Any]:
    """Send commands in one round trip; an answer may be an exception.

    Raises what redis-py raises where the server cannot be reached, or is not ready.
    """
    pool: Any = client.connection_pool
    connection = await pool.get_connection()
    try:
        await connection.send_packed_command(connection.pack_commands(commands))
        return [await _answer(connection) for _ in commands]
    except BaseException:
        # Answers may be on their way still, and the next command must not take them for its own.
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)


async def _answer(connection: Any) -> Any:
    try:
        return await connection.read_response()
    except ResponseError as error:
        return _named(error)


def _named(error: ResponseError) -> ResponseError:
    """The error under its own class, which redis-py 5 knows in its clients for clusters alone."""
    name, _, text = str(error).partition(" ")
    return _OF_CLUSTERS[name](text) if type(error) is ResponseError and name in _OF_CLUSTERS else error
