"""Reads: the streams of a process are waited for together, over a few connections to each server.

Streams that are idle share one XREADGROUP where they share a group and a consumer (in a cluster, a slot as
well). A stream that had more than it was asked for is read alone, so that each gets as much as it can take.
Reads that wait end together, every half second: then all streams are in one command again. The last
connection that is free never waits on the server: who needs it has it at once, and all groups that have no
other are looked at with it in one round trip, again and again: the more they are, the rarer. (A server that
has nothing to do ends a wait up to 100 ms late.)
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import ResponseError

from streamroute.adapters.redis.channel import read_connections
from streamroute.adapters.redis.replies import Row, milliseconds, rows_by_stream
from streamroute.adapters.redis.round_trip import CommandArgs, round_trip
from streamroute.system.waiting import wait_for_event

_BEAT: Final = 0.5  # seconds; commands that wait end at multiples of it
_GATHERING: Final = 0.02  # seconds that a command which ended at a beat waits for the others of that beat
_PAUSE: Final = 0.01  # seconds between two reads of the same streams that do not wait on the server
_TURN: Final = 0.001  # seconds for each of their commands, where these are more
_MOST_STREAMS: Final = 1024  # in one command
_MOST_ENTRIES: Final = 1024  # that one command asks for, of all its streams
_MANY: Final = 16  # streams in a command from which on reads are spaced
_SPACING: Final = 1e-5  # seconds a stream; looking at a stream costs the server about a tenth of that

Rows = Mapping[str, Sequence[Row]]
"""Entries by the stream that they were read from."""


class Reader(NamedTuple):
    """Whose reads may share a command: those of a consumer of a group, in a cluster of one slot."""

    group: str
    consumer: str
    slot: int | None = None


class Read(NamedTuple):
    """What a read brought, and the server's time (ms) from before it; ``rows`` may be empty."""

    time: int
    rows: Rows


_NOTHING: Final = Read(0, {})
_Name = tuple[Reader, tuple[str, ...]]


@dataclass(eq=False, slots=True)
class _Request:
    """A stream's wish to read, answered when there is something, or after ``deadline`` (the loop's time).

    A command that it shares goes on to the last deadline of all, or to the next beat.
    """

    reader: Reader
    keys: tuple[str, ...]
    count: int
    deadline: float
    wants_all: bool
    asked: int = 0
    answer: asyncio.Future[Read] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def resolve(self, read: Read) -> None:
        if not self.answer.done():
            self.answer.set_result(read)

    def refuse(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class _Batch(NamedTuple):
    """Commands of one round trip, each with the requests that share it.

    ``is_polling``: they must not wait on the server, since somebody else may need their connection. There are
    several commands only then.
    """

    commands: list[list[_Request]]
    is_polling: bool

    @property
    def requests(self) -> list[_Request]:
        return [request for command in self.commands for request in command]


class StreamReads:
    """Reads entries over at most ``connections`` connections of ``pool``."""

    def __init__(self, pool: ConnectionPool, connections: int) -> None:
        self._pool = weakref.proxy(pool)  # it is the key under which these reads are found
        self._free = connections
        self._has_several = connections > 1
        self._on_beat = 0  # commands under way that end at the next beat
        self._is_over = asyncio.Event()
        self._pending: list[_Request] = []
        self._open: dict[_Name, _Request] = {}
        self._filled: set[_Name] = set()
        self._names: set[_Name] = set()
        self._carriers: set[asyncio.Task[None]] = set()

    async def read(self, reader: Reader, keys: tuple[str, ...], count: int, wait: float) -> Read:
        """Up to ``count`` entries of each key; waits up to ``wait`` seconds for the first.

        Raises NotSentError where no connection can be made, and whatever redis-py raises. A read that is
        cancelled may have taken entries, which are pending then.
        """
        loop, name = asyncio.get_running_loop(), (reader, keys)
        request = _Request(reader, keys, count, loop.time() + wait, name in self._filled)
        self._names.add(name)
        self._open[name] = request
        self._pending.append(request)
        try:
            # The only stream that wants to read does so itself: there is no task to wait for.
            while self._free and self._pending == [request]:
                await self._run(self._next_batch())
            self._dispatch()
            read = await request.answer
        finally:
            self._forget(name, request)
        has_more = any(len(rows) >= request.asked for rows in read.rows.values())
        (self._filled.add if has_more else self._filled.discard)(name)
        return read

    def interrupt(self, reader: Reader, keys: tuple[str, ...]) -> None:
        """Have a read that waits end as soon as no entry can be on its way to it."""
        request = self._open.get((reader, keys))
        if request is None:
            return
        request.deadline = 0.0
        if request in self._pending:
            self._pending.remove(request)
            request.resolve(_NOTHING)

    def _forget(self, name: _Name, request: _Request) -> None:
        if request in self._pending:
            self._pending.remove(request)
        if self._open.get(name) is request:
            del self._open[name]
        self._dispatch()

    def _dispatch(self) -> None:
        """Send what is pending, for as long as there are connections."""
        while self._free and self._pending:
            carrier = asyncio.get_running_loop().create_task(self._carry(self._next_batch()))
            self._carriers.add(carrier)
            carrier.add_done_callback(self._carriers.discard)

    async def _carry(self, batch: _Batch) -> None:
        await self._run(batch)
        self._dispatch()

    async def _gather(self) -> None:
        """Where other commands end at this beat as well, let their streams join the next command."""
        if self._on_beat and self._pending:
            self._is_over.clear()
            await wait_for_event(self._is_over, _GATHERING)

    def _next_batch(self) -> _Batch:
        """The request that has waited longest, with those that can go with it; takes a connection."""
        self._free -= 1
        first = self._pending[0]
        is_polling = not self._free and (self._has_several or len(self._names) > 1)
        if first.wants_all:
            commands = [[first]]
        else:
            commands = _shared(self._pending if is_polling else self._of_reader(first.reader))
        taken = {request for command in commands for request in command}
        self._pending = [request for request in self._pending if request not in taken]
        return _Batch(commands, is_polling)

    def _of_reader(self, reader: Reader) -> list[_Request]:
        return [request for request in self._pending if request.reader == reader]

    async def _run(self, batch: _Batch) -> None:
        """One round trip; whoever got nothing, and still has time, waits for the next one."""
        requests, loop, is_polling = batch.requests, asyncio.get_running_loop(), batch.is_polling
        block, is_on_beat = (None, False) if is_polling else self._block(requests)
        self._on_beat += is_on_beat
        try:
            found = await self._ask(batch.commands, block)
            if found and len(requests) >= _MANY:
                await asyncio.sleep(len(requests) * _SPACING)
        finally:
            self._free += 1
            self._on_beat -= is_on_beat
            if not self._on_beat:
                self._is_over.set()
        if is_polling and not (found and len(batch.commands) == 1):
            self._dispatch()
            await asyncio.sleep(max(_PAUSE, len(batch.commands) * _TURN))
        for request in requests:
            if loop.time() >= request.deadline:
                request.resolve(_NOTHING)
            elif not request.answer.done():
                self._pending.append(request)
        if is_on_beat and not found:
            await self._gather()

    async def _ask(self, commands: Sequence[Sequence[_Request]], block: int | None) -> bool:
        """Read for these, and answer each that there is something for; returns whether there was."""
        requests = [request for command in commands for request in command]
        share = max(_MOST_ENTRIES // len(requests), 1)
        words = []
        for command in commands:
            count = min(request.count for request in command)
            count = count if len(requests) == 1 else min(count, share)
            for request in command:
                request.asked = count
            words.append(_command(command, count, block))
        try:
            time, *replies = await round_trip(self._pool, [("TIME",), *words])
            found = [
                await self._ask_each(command, command[0].asked)
                if isinstance(reply, ResponseError) and len(command) > 1
                else _answer(command, time, reply)
                for command, reply in zip(commands, replies, strict=True)
            ]
        except Exception as error:  # noqa: BLE001 - whoever asked gets to know, whatever it is
            for request in requests:
                request.refuse(error)
            return False
        return any(found)

    async def _ask_each(self, requests: Sequence[_Request], count: int) -> bool:
        """One of the streams has no group: the others are not to wait for it."""
        commands = [_command([request], count, None) for request in requests]
        time, *replies = await round_trip(self._pool, [("TIME",), *commands])
        found = [_answer([one], time, reply) for one, reply in zip(requests, replies, strict=True)]
        return any(found)

    def _block(self, requests: Sequence[_Request]) -> tuple[int, bool]:
        """Milliseconds that a command may wait on the server, and whether it ends at the next beat."""
        now = asyncio.get_running_loop().time()
        longest = max(request.deadline for request in requests) - now
        beat = _BEAT - now % _BEAT
        return max(1, int(min(longest, beat) * 1000)), beat <= longest


def _shared(pending: Iterable[_Request]) -> list[list[_Request]]:
    """A command for each reader; what has to be read alone, and what is asked for twice, is left pending."""
    chosen: dict[Reader, dict[tuple[str, ...], _Request]] = {}
    for request in pending:
        streams = chosen.setdefault(request.reader, {})
        if not request.wants_all and len(streams) < _MOST_STREAMS:
            streams.setdefault(request.keys, request)
    return [list(streams.values()) for streams in chosen.values() if streams]


def _command(requests: Sequence[_Request], count: int, block: int | None) -> CommandArgs:
    keys = tuple(key for request in requests for key in request.keys)
    return read_command(requests[0].reader, keys, count, block)


def read_command(reader: Reader, keys: tuple[str, ...], count: int, block: int | None = None) -> CommandArgs:
    """XREADGROUP for these streams, which waits on the server for at most ``block`` ms (None: not at all).

    Source: https://redis.io/docs/latest/commands/xreadgroup/
    """
    wait = () if block is None else ("BLOCK", block)
    head = ("XREADGROUP", "GROUP", reader.group, reader.consumer, "COUNT", count, *wait)
    return (*head, "STREAMS", *keys, *([">"] * len(keys)))


def read_from(answers: Sequence[Any]) -> Read:
    """What the answers to TIME and to a command of ``read_command`` say; raises the first error."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    time, reply = answers
    return Read(milliseconds(time), dict(rows_by_stream(reply)))


def _answer(requests: Sequence[_Request], time: Any, reply: Any) -> bool:
    """Give each request its part of a reply; returns whether there was anything."""
    try:
        read = read_from([time, reply])
    except Exception as error:  # noqa: BLE001 - whoever asked gets to know, whatever it is
        for request in requests:
            request.refuse(error)
        return False
    if read.rows:
        for request in requests:
            found = {key: read.rows[key] for key in request.keys if key in read.rows}
            if found:
                request.resolve(Read(read.time, found))
    return bool(read.rows)


_reads: Final[weakref.WeakKeyDictionary[ConnectionPool, StreamReads]] = weakref.WeakKeyDictionary()


def reads_of(client: Redis) -> StreamReads:
    """The reads that all users of a client's connections share; they go with its pool."""
    pool = client.connection_pool
    reads = _reads.get(pool)
    if reads is None:
        reads = _reads[pool] = StreamReads(pool, read_connections(pool))
    return reads
