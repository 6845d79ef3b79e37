"""Shared reads: all streams of a process are read over a few connections to each server.

Idle streams share one XREADGROUP if they have the same group, consumer and (in a cluster) slot. A stream that
had more entries than the limit is read alone, up to its own count. Blocking reads end together, at ticks of
half a second: then all streams share one command again. The last free connection never blocks on the server:
it polls all groups that have no other connection, in one round trip, at an interval that grows with their
number. (An idle server ends a blocking read up to 100 ms late.)
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import ResponseError

from streamroute.adapters.redis.channel import read_connections
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.read_commands import ReaderId, ReadResult, packed_read_command, read_reply
from streamroute.adapters.redis.round_trip import round_trip
from streamroute.system.waiting import wait_for_event

_TICK: Final = 0.5  # seconds; waiting commands end at multiples of it
_MIN_POLL_PAUSE: Final = 0.01  # minimum seconds between two polls of the same streams
_TURN: Final = 0.001  # the same for each command of a poll
_MIN_PAUSED_STREAMS: Final = 16  # streams in a command from which a pause follows each read
_SPACING: Final = 1e-5  # seconds of that pause for each stream; its read costs the server about a tenth

_NOTHING: Final = ReadResult(0, {})


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What one command may read, and the wait for others to share it.

    ``gathering`` is in seconds: the wait for the other commands that end at the same tick.
    """

    streams: int = 1024
    entries: int = 1024  # of all its streams
    gathering: float = 0.02


_ReadKey = tuple[ReaderId, tuple[str, ...]]


@dataclass(eq=False, slots=True)
class _ReadRequest:
    """A read of a stream that waits for entries until ``deadline`` (the loop's time).

    A shared command blocks until the latest deadline of its requests, or until the next tick.
    """

    reader: ReaderId
    keys: tuple[str, ...]
    count: int
    deadline: float
    reads_alone: bool
    limit: int = 0
    answer: asyncio.Future[ReadResult] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    def resolve(self, read: ReadResult) -> None:
        if not self.answer.done():
            self.answer.set_result(read)

    def reject(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class _ReadBatch(NamedTuple):
    """The commands of one round trip, each with the requests that share it.

    With ``is_polling`` they do not block on the server, as another stream may need the connection. Only a
    polling batch has several commands.
    """

    commands: list[list[_ReadRequest]]
    is_polling: bool

    @property
    def requests(self) -> list[_ReadRequest]:
        return [request for command in self.commands for request in command]


class SharedReads:
    """Reads entries over at most ``connections`` connections of ``pool``."""

    def __init__(self, pool: ConnectionPool, connections: int, limits: ReadLimits = ReadLimits()) -> None:
        self._pool = weakref.proxy(pool)  # _reads holds the pool as a weak key
        self._limits = limits
        self._free = connections
        self._has_several = connections > 1
        self._ending_on_tick = 0  # commands in progress that end at the next tick
        self._is_over = asyncio.Event()
        self._pending: list[_ReadRequest] = []
        self._open: dict[_ReadKey, _ReadRequest] = {}
        self._busy: set[_ReadKey] = set()
        self._names: set[_ReadKey] = set()
        self._carriers: set[asyncio.Task[None]] = set()

    async def read(self, reader: ReaderId, keys: tuple[str, ...], count: int, wait: float) -> ReadResult:
        """Read up to ``count`` entries of each key; waits up to ``wait`` seconds for the first.

        Raises NotSentError if no connection can be made, and what redis-py raises. A cancelled read may have
        received entries, which stay pending.
        """
        loop, name = asyncio.get_running_loop(), (reader, keys)
        request = _ReadRequest(reader, keys, count, loop.time() + wait, name in self._busy)
        self._names.add(name)
        self._open[name] = request
        self._pending.append(request)
        try:
            # A single request reads in its own task.
            while self._free and self._pending == [request]:
                await self._run(self._next_batch())
            self._dispatch()
            read = await request.answer
        finally:
            self._close(name, request)
        has_more = any(len(rows) >= request.limit for rows in read.rows.values())
        (self._busy.add if has_more and name in self._names else self._busy.discard)(name)
        return read

    def interrupt(self, reader: ReaderId, keys: tuple[str, ...]) -> None:
        """End a waiting read as soon as no entry can be in transit to it, as its reader ends."""
        self._names.discard((reader, keys))
        request = self._open.get((reader, keys))
        if request is None:
            return
        request.deadline = 0.0
        if request in self._pending:
            self._pending.remove(request)
            request.resolve(_NOTHING)

    def _close(self, name: _ReadKey, request: _ReadRequest) -> None:
        if request in self._pending:
            self._pending.remove(request)
        if self._open.get(name) is request:
            del self._open[name]
        self._dispatch()

    def _dispatch(self) -> None:
        """Send pending requests while connections are free."""
        while self._free and self._pending:
            carrier = asyncio.get_running_loop().create_task(self._run_and_dispatch(self._next_batch()))
            self._carriers.add(carrier)
            carrier.add_done_callback(self._carriers.discard)

    async def _run_and_dispatch(self, batch: _ReadBatch) -> None:
        await self._run(batch)
        self._dispatch()

    async def _wait_for_shared_tick(self) -> None:
        """Wait for other commands that end at this tick, so that their streams join the next command."""
        if self._ending_on_tick and self._pending:
            self._is_over.clear()
            await wait_for_event(self._is_over, self._limits.gathering)

    def _next_batch(self) -> _ReadBatch:
        """Take a connection for the oldest request and those that can share its round trip."""
        self._free -= 1
        first = self._pending[0]
        is_polling = not self._free and (self._has_several or len(self._names) > 1)
        if first.reads_alone:
            commands = [[first]]
        else:
            sharing = self._pending if is_polling else self._of_reader(first.reader)
            commands = _commands_by_reader(sharing, self._limits.streams)
        if sum(map(len, commands)) == len(self._pending):
            self._pending = []
        else:
            chosen = {request for command in commands for request in command}
            self._pending = [request for request in self._pending if request not in chosen]
        return _ReadBatch(commands, is_polling)

    def _of_reader(self, reader: ReaderId) -> list[_ReadRequest]:
        return [request for request in self._pending if request.reader == reader]

    async def _run(self, batch: _ReadBatch) -> None:
        """Make one round trip; requests without entries stay pending until their deadline."""
        requests, loop, is_polling = batch.requests, asyncio.get_running_loop(), batch.is_polling
        block, ends_on_tick = (None, False) if is_polling else self._block(requests)
        self._ending_on_tick += ends_on_tick
        try:
            has_entries = await self._read(batch.commands, block)
            if has_entries and len(requests) >= _MIN_PAUSED_STREAMS:
                await asyncio.sleep(len(requests) * _SPACING)
        finally:
            self._free += 1
            self._ending_on_tick -= ends_on_tick
            if not self._ending_on_tick:
                self._is_over.set()
        if is_polling and not (has_entries and len(batch.commands) == 1):
            self._dispatch()
            await asyncio.sleep(max(_MIN_POLL_PAUSE, len(batch.commands) * _TURN))
        now = loop.time()
        for request in requests:
            if now >= request.deadline:
                request.resolve(_NOTHING)
            elif not request.answer.done():
                self._pending.append(request)
        if ends_on_tick and not has_entries:
            await self._wait_for_shared_tick()

    async def _read(self, commands: Sequence[Sequence[_ReadRequest]], block: int | None) -> bool:
        """Read, and resolve each request that has entries; returns whether any had."""
        requests = [request for command in commands for request in command]
        share = max(self._limits.entries // len(requests), 1)
        rendered = []
        for command in commands:
            count = min(request.count for request in command)
            count = count if len(requests) == 1 else min(count, share)
            for request in command:
                request.limit = count
            rendered.append(_command(command, count, block))
        try:
            time, *replies = await round_trip(self._pool, [("TIME",), *rendered])
            found = [
                await self._read_each(command, command[0].limit)
                if isinstance(reply, ResponseError) and len(command) > 1
                else _answer(command, time, reply)
                for command, reply in zip(commands, replies, strict=True)
            ]
        except Exception as error:  # noqa: BLE001 - the error is raised in each reader
            for request in requests:
                request.reject(error)
            return False
        return any(found)

    async def _read_each(self, requests: Sequence[_ReadRequest], count: int) -> bool:
        """Read each stream separately: one without the group makes the shared command fail."""
        commands = [_command([request], count, None) for request in requests]
        time, *replies = await round_trip(self._pool, [("TIME",), *commands])
        found = [_answer([one], time, reply) for one, reply in zip(requests, replies, strict=True)]
        return any(found)

    def _block(self, requests: Sequence[_ReadRequest]) -> tuple[int, bool]:
        """Return the ms that a command may block on the server, and whether it ends at the next tick."""
        now = asyncio.get_running_loop().time()
        longest = max([request.deadline for request in requests]) - now
        tick = _TICK - now % _TICK
        return max(1, int(min(longest, tick) * 1000)), tick <= longest


def _commands_by_reader(pending: Iterable[_ReadRequest], max_streams: int) -> list[list[_ReadRequest]]:
    """Group requests into one command of at most ``max_streams`` for each reader.

    Requests to be read alone, and second requests for a stream, stay pending.
    """
    chosen: dict[ReaderId, dict[tuple[str, ...], _ReadRequest]] = {}
    reader: ReaderId | None = None
    streams: dict[tuple[str, ...], _ReadRequest] = {}
    for request in pending:
        if request.reader != reader:  # rarely: a look-up for each would cost more than all the rest
            reader = request.reader
            streams = chosen.setdefault(reader, {})
        if not request.reads_alone and len(streams) < max_streams:
            streams.setdefault(request.keys, request)
    return [list(streams.values()) for streams in chosen.values() if streams]


def _command(requests: Sequence[_ReadRequest], count: int, block: int | None) -> CommandArgs:
    return packed_read_command(requests[0].reader, [request.keys for request in requests], count, block)


def _answer(requests: Sequence[_ReadRequest], time: Any, reply: Any) -> bool:
    """Resolve each request with its part of a reply; returns whether there were entries."""
    try:
        read = read_reply([time, reply])
    except Exception as error:  # noqa: BLE001 - the error is raised in each reader
        for request in requests:
            request.reject(error)
        return False
    has_rows = read.rows.keys()
    for request in requests if has_rows else ():
        if not has_rows.isdisjoint(request.keys):
            rows = {key: read.rows[key] for key in request.keys if key in has_rows}
            request.resolve(ReadResult(read.time, rows))
    return bool(read.rows)


_reads: Final[weakref.WeakKeyDictionary[ConnectionPool, SharedReads]] = weakref.WeakKeyDictionary()


def shared_reads_of(client: Redis) -> SharedReads:
    """Return the reads that all users of a client's pool share; they live as long as the pool."""
    pool = client.connection_pool
    reads = _reads.get(pool)
    if reads is None:
        reads = _reads[pool] = SharedReads(pool, read_connections(pool))
    return reads
