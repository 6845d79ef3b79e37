"""Channels: all commands of a process over a few connections to each server.

Commands use at most ``COMMAND_CONNECTIONS`` connections of a pool, whatever the number of streams and
handlers. A command is sent at once if a connection is free. Others queue in order, and the next free
connection sends as many of them as fit into one round trip. No command is refused.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import ConnectionPool, Redis

from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.round_trip import round_trip
from streamroute.errors import SetupError

COMMAND_CONNECTIONS: Final = 3
"""Connections of a pool that carry commands."""
READ_CONNECTIONS: Final = 4
"""Connections of a pool that carry reads, which block on the server."""
MIN_CONNECTIONS: Final = 2
"""Connections that a pool needs: one for commands, which a waiting read must not delay, and one for reads."""

_MAX_CALLS: Final = 64  # calls in one round trip
_MAX_COMMANDS: Final = 512  # commands in one round trip, unless a single call has more

Call = tuple[Sequence[CommandArgs], "asyncio.Future[list[Any]]"]


class Channel:
    """Sends commands over at most ``connections`` connections of ``pool``."""

    def __init__(self, pool: ConnectionPool, connections: int) -> None:
        self._pool = weakref.proxy(pool)  # _channels holds the pool as a weak key
        self._free = connections
        self._waiting: deque[Call] = deque()
        self._carriers: set[asyncio.Task[None]] = set()

    async def send(self, commands: Sequence[CommandArgs]) -> list[Any]:
        """Send commands in one round trip; an answer may be an exception.

        Raises NotSentError if no connection can be made, and what redis-py raises if the server cannot be
        reached or is not ready; in that case the commands may have been executed.
        """
        if not self._free or self._waiting:
            return await self._enqueue(commands)
        self._free -= 1
        try:
            return await round_trip(self._pool, commands)
        finally:
            self._free += 1
            self._start_sending()

    async def _enqueue(self, commands: Sequence[CommandArgs]) -> list[Any]:
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append((commands, answer))
        return await answer

    def _start_sending(self) -> None:
        """Send waiting calls over a free connection.

        A separate task sends them, so that cancelling one caller does not drop the answers of others.
        """
        if self._free and self._waiting:
            self._free -= 1
            carrier = asyncio.get_running_loop().create_task(self._send_waiting())
            self._carriers.add(carrier)
            carrier.add_done_callback(self._carriers.discard)

    async def _send_waiting(self) -> None:
        try:
            while calls := self._next_calls():
                await self._deliver(calls)
        finally:
            self._free += 1

    def _next_calls(self) -> list[Call]:
        """Return the oldest calls that fit into one round trip, without cancelled ones."""
        calls: list[Call] = []
        commands = 0
        while self._waiting and len(calls) < _MAX_CALLS:
            call = self._waiting[0]
            if call[1].done():
                self._waiting.popleft()
                continue
            commands += len(call[0])
            if calls and commands > _MAX_COMMANDS:
                break
            calls.append(self._waiting.popleft())
        return calls

    async def _deliver(self, calls: Sequence[Call]) -> None:
        """Make one round trip, and give each caller the answers to its own commands, or the error."""
        try:
            answers = await round_trip(self._pool, [words for commands, _ in calls for words in commands])
        except BaseException as error:
            failure = error if isinstance(error, Exception) else asyncio.CancelledError()
            for _, answer in calls:
                if not answer.done():
                    answer.set_exception(failure)
            if not isinstance(error, Exception):
                raise
            return
        position = 0
        for commands, answer in calls:
            if not answer.done():
                answer.set_result(answers[position : position + len(commands)])
            position += len(commands)


_channels: Final[weakref.WeakKeyDictionary[ConnectionPool, Channel]] = weakref.WeakKeyDictionary()


def channel_of(client: Redis) -> Channel:
    """Return the channel that all users of a client's pool share; it lives as long as the pool."""
    pool = client.connection_pool
    channel = _channels.get(pool)
    if channel is None:
        channel = _channels[pool] = Channel(pool, command_connections(pool))
    return channel


def command_connections(pool: ConnectionPool) -> int:
    """Return how many connections of a pool may carry commands."""
    return max(1, min(COMMAND_CONNECTIONS, _max_connections(pool) // 2))


def read_connections(pool: ConnectionPool) -> int:
    """Return how many connections of a pool may carry reads.

    Raises SetupError if the pool has too few (``max_connections`` in its URL).
    """
    limit = _max_connections(pool)
    if limit < MIN_CONNECTIONS:
        raise SetupError(
            f"the client may open {limit} connection; consuming needs {MIN_CONNECTIONS} at least"
        )
    return min(READ_CONNECTIONS, limit - command_connections(pool))


def _max_connections(pool: ConnectionPool) -> int:
    return int(getattr(pool, "max_connections", COMMAND_CONNECTIONS + READ_CONNECTIONS))
