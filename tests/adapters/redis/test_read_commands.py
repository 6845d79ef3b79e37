"""Which reads share a command, its arguments, and its block time; without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Connection, ConnectionPool
from redis.exceptions import ResponseError

from consuming import eventually, within_patience
from packed_words import words_of
from streamroute.adapters.redis import shared_reads as stream_reads
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.read_commands import (
    ReaderId,
    ReadResult,
    packed_read_command,
    read_command,
    read_reply,
)
from streamroute.adapters.redis.shared_reads import ReadLimits, SharedReads

ME, OTHER = ReaderId("shop", "me"), ReaderId("mail", "me")
TIME = [b"7", b"5000"]
WORDS = st.text(st.characters(exclude_categories=["Cs"]))
NOGROUP = ResponseError("NOGROUP No such key")


class Command(NamedTuple):
    """A sent XREADGROUP."""

    group: str
    keys: tuple[str, ...]
    most: int
    block: int | None


class Server:
    """A server that replies when released; ``unread`` is by stream."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.trips: list[int] = []
        self.unread: dict[str, int] = {}
        self.broken: set[str] = set()
        self.error: Exception | None = None
        self.waiting: list[asyncio.Event] = []
        self.answers_at_once = False

    async def round_trip(self, pool: Any, commands: Sequence[CommandArgs]) -> list[Any]:
        """Handle one round trip: TIME, then reads."""
        assert commands[0] == ("TIME",)
        requests = [_parsed(words) for words in commands[1:]]
        self.commands += requests
        self.trips.append(len(requests))
        answered = asyncio.Event()
        if not (self.answers_at_once or any(command.block is None for command in requests)):
            self.waiting.append(answered)
            await answered.wait()
        else:
            await asyncio.sleep(0)
        error, self.error = self.error, None
        if error is not None:
            raise error
        return [TIME, *map(self._reply, requests)]

    def answer(self, number: int = 0) -> None:
        """Let a blocked command end."""
        self.waiting.pop(number).set()

    def _reply(self, command: Command) -> Any:
        if self.broken.intersection(command.keys):
            return NOGROUP
        found = [
            (key.encode(), self._rows(key, command.most)) for key in command.keys if self.unread.get(key)
        ]
        return found or None

    def _rows(self, key: str, count: int) -> list[Any]:
        taken = min(count, self.unread[key])
        self.unread[key] -= taken
        return [[f"{n}-0".encode(), [b"a", b"b"]] for n in range(taken)]


def _parsed(words: CommandArgs) -> Command:
    parts = words_of(words)
    assert parts[:2] == ["XREADGROUP", "GROUP"]
    at = parts.index("STREAMS")
    half = (len(parts) - at - 1) // 2
    assert parts[at + 1 + half :] == [">"] * half
    block = int(parts[parts.index("BLOCK") + 1]) if "BLOCK" in parts[:at] else None
    return Command(str(parts[2]), tuple(map(str, parts[at + 1 : at + 1 + half])), int(parts[5]), block)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(stream_reads, "round_trip", made.round_trip)
    return made


@pytest.fixture
async def reads(server: Server) -> AsyncIterator[Callable[..., SharedReads]]:
    """Return shared reads over so many connections, with these limits; cancel those active at the end."""
    pool = cast("ConnectionPool", server)
    before = asyncio.all_tasks()
    yield lambda connections, **limits: SharedReads(pool, connections, ReadLimits(gathering=0.0, **limits))
    left = {task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def reading(
    reads: SharedReads, key: str, count: int = 10, wait: float = 600, reader: ReaderId = ME
) -> asyncio.Task[ReadResult]:
    return asyncio.create_task(reads.read(reader, (key,), count, wait))


async def together(
    reads: SharedReads, *keys: str, count: int = 10, wait: float = 600, reader: ReaderId = ME
) -> list[asyncio.Task[ReadResult]]:
    """Start reads while no connection is free, so that they go together."""
    free, reads._free = reads._free, 0
    tasks = [reading(reads, key, count, wait, reader) for key in keys]
    await turns()
    reads._free = free
    reads._dispatch()
    return tasks


async def turns() -> None:
    """Let the event loop iterate a few times."""
    for _ in range(20):
        await asyncio.sleep(0)


async def waiting(server: Server, count: int = 1) -> None:
    """Wait until this many commands block on the server."""
    await eventually(lambda: len(server.waiting) == count)


def test_a_command_is_written_as_the_server_takes_it() -> None:
    head = ("XREADGROUP", "GROUP", "shop", "me", "COUNT", 3)
    assert read_command(ME, ("a", "b"), 3) == (*head, "STREAMS", "a", "b", ">", ">")
    assert read_command(ME, ("a",), 3, 500) == (*head, "BLOCK", 500, "STREAMS", "a", ">")


@given(
    st.builds(ReaderId, WORDS, WORDS),
    st.lists(st.lists(WORDS, min_size=1, max_size=2).map(tuple), min_size=1, max_size=5),
    st.integers(1, 10**6),
    st.none() | st.integers(1, 10**6),
)
def test_a_packed_command_is_the_command_for_all_keys(
    reader: ReaderId, streams: list[tuple[str, ...]], count: int, block: int | None
) -> None:
    connection: Any = Connection()
    keys = tuple(key for stream in streams for key in stream)
    theirs = b"".join(connection.pack_command(*read_command(reader, keys, count, block)))
    assert packed_read_command(reader, streams, count, block) == theirs


def test_a_read_returns_entries_and_time() -> None:
    assert read_reply([TIME, None]) == ReadResult(7_005, {})
    assert read_reply([TIME, {b"a": [(b"1-0", [])]}]) == ReadResult(7_005, {"a": [(b"1-0", [])]})
    with pytest.raises(ResponseError):
        read_reply([TIME, NOGROUP])


async def test_reads_of_one_reader_share_a_command_and_others_have_their_own(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(4)
    made._free = 0
    for key, reader in (("a", ME), ("b", ME), ("x", OTHER), ("c", ME)):
        reading(made, key, reader=reader)
    await turns()
    made._free = 4
    made._dispatch()
    await waiting(server, 2)
    assert [(command.group, command.keys) for command in server.commands] == [
        ("shop", ("a", "b", "c")),
        ("mail", ("x",)),
    ]


async def test_each_read_gets_its_own_entries_and_others_keep_waiting(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(4)
    a, b, c = await together(made, *"abc")
    await waiting(server)
    server.unread = {"a": 2, "c": 1}
    server.answer()
    for task, key, count in ((a, "a", 2), (c, "c", 1)):
        brought = await within_patience(task)
        assert (brought.time, {name: len(rows) for name, rows in brought.rows.items()}) == (
            7_005,
            {key: count},
        )
    await waiting(server)
    assert (server.commands[-1].keys, b.done()) == (("b",), False)


async def test_a_command_asks_for_as_few_as_the_smallest_of_its_reads(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(4)
    made._free = 0
    for key, count in (("a", 9), ("b", 4), ("c", 7)):
        reading(made, key, count)
    await turns()
    made._free = 4
    made._dispatch()
    await waiting(server)
    assert server.commands[0].most == 4


async def test_a_command_returns_at_most_a_thousand_entries(
    server: Server, reads: Callable[..., SharedReads]
) -> None:
    made = reads(4, entries=8)
    reading(made, "alone", 500)
    await waiting(server)
    assert server.commands[0].most == 500
    await together(made, *(f"three{n}" for n in range(3)), count=500)
    await waiting(server, 2)
    assert server.commands[1].most == 2
    await together(made, *(f"many{n}" for n in range(20)), count=500)
    await waiting(server, 3)
    assert server.commands[2].most == 1


async def test_a_command_has_a_thousand_streams_at_most(
    server: Server, reads: Callable[..., SharedReads]
) -> None:
    made = reads(4, streams=3)
    await together(made, *"01234")
    await waiting(server, 2)
    assert [len(command.keys) for command in server.commands] == [3, 2]


async def test_a_stream_that_had_more_is_read_alone_until_it_has_less(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(4)
    server.unread = {"hot": 25}
    server.answers_at_once = True
    await within_patience(reading(made, "hot", 10))
    server.answers_at_once = False
    await together(made, "a", "hot", "b")
    await waiting(server, 2)
    assert [command.keys for command in server.commands[1:]] == [("a", "b"), ("hot",)]


async def test_a_stream_with_fewer_entries_than_requested_shares_again(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(4)
    server.unread = {"hot": 15}
    server.answers_at_once = True
    for brought in (10, 5):
        assert len((await within_patience(reading(made, "hot", 10))).rows["hot"]) == brought
    server.answers_at_once = False
    await together(made, "a", "hot", "b")
    await waiting(server)
    assert server.commands[-1].keys == ("a", "hot", "b")


@pytest.mark.parametrize(
    ("now", "waits", "block"),
    [
        (100.0, [600], 500),
        (100.2, [600], 300),
        (100.2, [0.1], 100),
        (100.2, [0.05, 0.2], 200),
        (100.499, [600], 1),
    ],
)
async def test_a_command_waits_to_the_next_beat_or_to_the_last_deadline(
    server: Server,
    reads: Callable[[int], SharedReads],
    monkeypatch: pytest.MonkeyPatch,
    now: float,
    waits: list[float],
    block: int,
) -> None:
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    made = reads(4)
    made._free = 0
    for n, wait in enumerate(waits):
        reading(made, str(n), wait=wait)
    await turns()
    made._free = 4
    made._dispatch()
    await turns()
    [command] = server.commands
    assert command.block is not None
    assert abs(command.block - block) <= 1


async def test_the_last_connection_that_is_free_never_waits_on_the_server(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(2)
    reading(made, "a")
    await waiting(server)
    other = reading(made, "x", reader=OTHER)
    await eventually(lambda: len(server.commands) > 3)
    assert {command.block for command in server.commands if command.group == "mail"} == {None}
    server.unread = {"x": 1}
    assert "x" in (await within_patience(other)).rows
    assert len(server.waiting) == 1


async def test_a_single_stream_on_a_single_connection_may_wait(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(1)
    reading(made, "a")
    await waiting(server)
    assert server.commands[0].block is not None


async def test_several_streams_on_a_single_connection_take_turns(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(1)
    made._free = 0
    for key, reader in (("a", ME), ("x", OTHER)):
        reading(made, key, reader=reader)
    await turns()
    made._free = 1
    made._dispatch()
    await eventually(lambda: {command.group for command in server.commands} == {"shop", "mail"})
    assert {command.block for command in server.commands} == {None}


async def test_a_read_ends_with_nothing_at_its_deadline(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(4)
    task = reading(made, "a", wait=0.001)
    await waiting(server)
    await asyncio.sleep(0.005)
    server.answer()
    assert await within_patience(task) == ReadResult(0, {})


async def test_a_read_that_waits_for_a_connection_is_interrupted_at_once(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(4)
    for n in range(5):
        reading(made, "s", reader=ReaderId(f"g{n}", "me"))
    await eventually(lambda: len(server.waiting) == 3)
    made._free = 0  # the last one is taken as well
    task = reading(made, "late")
    await turns()
    made.interrupt(ME, ("late",))
    assert await within_patience(task) == ReadResult(0, {})


async def test_a_read_that_is_on_its_way_is_interrupted_when_its_command_ends(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(4)
    one, two = await together(made, "a", "b")
    await waiting(server)
    made.interrupt(ME, ("a",))
    made.interrupt(OTHER, ("a",))
    await turns()
    assert not one.done()
    server.answer()
    assert await within_patience(one) == ReadResult(0, {})
    await waiting(server)
    assert (server.commands[-1].keys, two.done()) == (("b",), False)


async def test_a_missing_group_is_reported_for_its_stream_only(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(4)
    server.broken = {"bad"}
    server.unread = {"b": 1}
    a, bad, b = await together(made, "a", "bad", "b")
    await waiting(server)
    server.answer()
    with pytest.raises(ResponseError, match="NOGROUP"):
        await within_patience(bad)
    assert "b" in (await within_patience(b)).rows
    assert server.trips[1] == 3
    assert {command.block for command in server.commands[1:4]} == {None}
    await waiting(server)
    assert (server.commands[-1].keys, a.done()) == (("a",), False)


async def test_an_unreachable_server_is_raised_to_all_and_frees_the_connection(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(1)
    tasks = await together(made, "a", "b")
    server.error = ConnectionError("away")
    made._dispatch()
    for task in tasks:
        with pytest.raises(ConnectionError):
            await within_patience(task)
    assert server.trips == [1]
    server.unread = {"c": 1}
    assert "c" in (await within_patience(reading(made, "c"))).rows


async def test_a_cancelled_read_is_not_sent_again(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(4)
    a, b = await together(made, "a", "b")
    await waiting(server)
    a.cancel()
    await turns()
    server.answer()
    await waiting(server)
    assert (server.commands[-1].keys, b.done()) == (("b",), False)


async def test_ended_and_cancelled_reads_leave_no_state(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    made = reads(4)
    server.unread, server.answers_at_once = {"a": 1}, True
    await within_patience(reading(made, "a"))
    server.answers_at_once = False
    busy = [reading(made, "s", reader=ReaderId(f"g{n}", "me")) for n in range(3)]
    await waiting(server, 3)
    made._free = 0
    gone, interrupted = reading(made, "b"), reading(made, "c")
    await turns()
    assert len(made._pending) == 2
    gone.cancel()
    made.interrupt(ME, ("c",))
    await within_patience(asyncio.wait([gone, interrupted]))
    assert made._pending == []
    assert {reader.group for reader, _ in made._open} == {"g0", "g1", "g2"}
    for task in busy:
        task.cancel()
    await within_patience(asyncio.wait(busy))
    assert made._open == {}


async def test_a_stream_of_which_one_key_had_more_is_read_alone_the_next_time(
    server: Server, reads: Callable[[int], SharedReads]
) -> None:
    """Retries and entries are read together, and both may be many."""
    made = reads(4)
    server.answers_at_once = True
    server.unread = {"a:retry": 1, "a": 5}
    await made.read(ME, ("a:retry", "a"), 2, 600)
    server.answers_at_once = False
    made._free = 0
    for keys in (("b",), ("a:retry", "a")):
        asyncio.create_task(made.read(ME, keys, 2, 600))  # noqa: RUF006 - ended by the fixture
    await turns()
    made._free = 4
    made._dispatch()
    await waiting(server, 2)
    assert [command.keys for command in server.commands[1:]] == [("b",), ("a:retry", "a")]


@pytest.mark.parametrize(("streams", "most"), [(1, 2000), (2, 512), (3, 341), (4, 256)])
async def test_a_command_asks_for_a_thousand_entries_of_all_its_streams_unless_it_has_one(
    server: Server, reads: Callable[[int], SharedReads], streams: int, most: int
) -> None:
    await together(reads(4), *"abcd"[:streams], count=2000)
    await waiting(server)
    assert server.commands[0].most == most
