"""When reads are sent, and how long each may block; on a jumping clock, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple, cast

import pytest
from redis.asyncio import ConnectionPool

from jumping import run_jumping
from packed_words import words_of
from streamroute.adapters.redis import shared_reads as stream_reads
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.read_commands import ReaderId, ReadResult
from streamroute.adapters.redis.shared_reads import SharedReads

ME, OTHER = ReaderId("shop", "me"), ReaderId("mail", "me")


class Sent(NamedTuple):
    """A command: its time, its number of streams, and its BLOCK in ms."""

    at: float
    streams: int
    block: int | None


class Server:
    """Blocks as requested, and longer for a group in ``late``; ``due`` are the entries' arrival times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: dict[str, list[Sent]] = {}
        self.trips = 0
        self.late: dict[str, float] = {}
        self.due: dict[str, float] = {}
        monkeypatch.setattr(stream_reads, "round_trip", self.round_trip)

    def reads(self, connections: int) -> SharedReads:
        """Return reads over this many connections."""
        return SharedReads(cast("ConnectionPool", self), connections)

    async def round_trip(self, _pool: Any, commands: Sequence[CommandArgs]) -> list[Any]:
        """Handle TIME, and reads."""
        self.trips += 1
        return [[b"7", b"0"], *[await self._read(words_of(command)) for command in commands[1:]]]

    async def _read(self, words: list[Any]) -> Any:
        group, block = str(words[2]), words[words.index("BLOCK") + 1] if "BLOCK" in words else None
        streams = words[words.index("STREAMS") + 1 :]
        keys = [str(key) for key in streams[: len(streams) // 2]]
        sent = Sent(round(now(), 6), len(keys), None if block is None else int(block))
        self.sent.setdefault(group, []).append(sent)
        ends = now() + (sent.block or 0) / 1000 + self.late.get(group, 0.0)
        arrivals = [self.due[key] for key in keys if key in self.due]
        await asyncio.sleep(max(min([ends, *arrivals]) - now(), 0))
        found = [key for key in keys if self.due.get(key, ends + 1) <= now()]
        for key in found:
            del self.due[key]
        return [[key.encode(), [[b"1-0", [b"a", b"b"]]]] for key in found] or None


def now() -> float:
    """Return the loop's time."""
    return asyncio.get_running_loop().time()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(monkeypatch)


async def until_all_wait(
    reads: SharedReads, *keys: str, reader: ReaderId = ME, wait: float = 600
) -> list[asyncio.Task[ReadResult]]:
    """Start reads while no connection is free, so that they go together."""
    free, reads._free = reads._free, 0
    tasks = [asyncio.create_task(reads.read(reader, (key,), 10, wait)) for key in keys]
    await asyncio.sleep(0)
    reads._free = free
    reads._dispatch()
    return tasks


def test_a_read_waits_on_the_server_until_the_next_beat_and_is_sent_again_at_once(server: Server) -> None:
    async def main() -> None:
        reads = server.reads(4)
        await asyncio.sleep(0.125)
        assert (await reads.read(ME, ("a",), 10, 1.75)).rows == {}
        assert now() == 1.875
        assert server.sent["shop"] == [
            Sent(0.125, 1, 375),
            Sent(0.5, 1, 500),
            Sent(1.0, 1, 500),
            Sent(1.5, 1, 375),
        ]

    run_jumping(main())


@pytest.mark.parametrize(
    ("wait", "blocks"), [(0, [1]), (0.0005, [1]), (0.0015, [1, 1]), (0.4999, [499, 1]), (0.5, [500])]
)
def test_a_read_waits_for_whole_milliseconds_and_never_forever(
    server: Server, wait: float, blocks: list[int]
) -> None:
    async def main() -> None:
        assert (await server.reads(4).read(ME, ("a",), 10, wait)).rows == {}
        assert [sent.block for sent in server.sent["shop"]] == blocks

    run_jumping(main())


def test_a_read_that_is_interrupted_ends_with_the_command_that_is_under_way(server: Server) -> None:
    async def main() -> None:
        reads = server.reads(4)
        asyncio.get_running_loop().call_later(0.125, reads.interrupt, ME, ("a",))
        assert (await reads.read(ME, ("a",), 10, 600)).rows == {}
        assert (now(), len(server.sent["shop"])) == (0.5, 1)

    run_jumping(main())


def test_a_read_that_was_interrupted_before_it_was_sent_is_not_sent(server: Server) -> None:
    """Its entries would be pending, unknown to any worker."""

    async def main() -> None:
        reads = server.reads(1)
        reads._free = 0
        task = asyncio.create_task(reads.read(ME, ("a",), 10, 600))
        await asyncio.sleep(0)
        reads.interrupt(ME, ("a",))
        reads._free = 1
        reads._dispatch()
        assert (await task).rows == {}
        await asyncio.sleep(5)
        assert server.sent == {}

    run_jumping(main())


def test_a_cancelled_read_leaves_its_connection_to_the_next(server: Server) -> None:
    async def main() -> None:
        reads, before = server.reads(1), asyncio.all_tasks()
        first = asyncio.create_task(reads.read(ME, ("a",), 10, 600))
        await asyncio.sleep(0.125)
        assert asyncio.all_tasks() == before | {first}  # it is alone, and sends its command itself
        second = asyncio.create_task(reads.read(OTHER, ("a",), 10, 0.25))
        await asyncio.sleep(0.125)
        assert "mail" not in server.sent
        first.cancel()
        await asyncio.wait([first])
        await asyncio.sleep(0)
        assert server.sent["mail"][0].at == 0.25
        await second

    run_jumping(main())


def test_a_repeated_read_does_not_block_the_last_connection(server: Server) -> None:
    """The command of a cancelled read may still be in flight."""

    async def main() -> None:
        reads = server.reads(2)
        [cancelled] = await until_all_wait(reads, "a")
        await asyncio.sleep(0.125)
        cancelled.cancel()
        await reads.read(ME, ("a",), 10, 0.125)
        first, *polls = server.sent["shop"]
        assert first == Sent(0, 1, 500)
        assert {sent.block for sent in polls} == {None}
        assert {round(later.at - sooner.at, 3) for sooner, later in pairwise(polls)} == {0.01}

    run_jumping(main())


def test_an_entry_ends_a_read_when_it_arrives(server: Server) -> None:
    async def main() -> None:
        reads = server.reads(4)
        server.due["a"] = 0.75
        read = await reads.read(ME, ("a",), 10, 600)
        assert (now(), read.time, list(read.rows)) == (0.75, 7000, ["a"])

    run_jumping(main())


@pytest.mark.parametrize(("late", "again"), [(0.01, [0.51, 1.01]), (0.1, [0.52, 1.02])])
def test_a_read_that_ends_at_a_beat_waits_briefly_for_the_others(
    server: Server, late: float, again: list[float]
) -> None:
    """Its streams and theirs can then share a command."""

    async def main() -> None:
        reads = server.reads(4)
        server.late["mail"] = late
        tasks = [asyncio.create_task(reads.read(reader, ("a",), 10, 600)) for reader in (ME, OTHER)]
        await asyncio.sleep(1.3)
        assert [sent.at for sent in server.sent["shop"]] == [0, *again]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    run_jumping(main())


def test_a_read_that_waits_for_its_beat_is_answered_when_the_others_end(
    server: Server,
) -> None:
    async def main() -> None:
        reads = server.reads(4)
        server.late["mail"], server.due["s"] = 0.01, 0.512
        other = asyncio.create_task(reads.read(OTHER, ("a",), 10, 600))
        assert list((await reads.read(ME, ("s",), 10, 600)).rows) == ["s"]
        assert round(now(), 6) == 0.512
        other.cancel()
        await asyncio.wait([other])

    run_jumping(main())


@pytest.mark.parametrize(("streams", "again"), [(15, 0.25), (16, 0.25016), (100, 0.251)])
def test_reads_of_many_streams_are_spaced_while_they_return_entries(
    server: Server, streams: int, again: float
) -> None:
    async def main() -> None:
        reads = server.reads(4)
        server.due["0"] = 0.25
        tasks = await until_all_wait(reads, *map(str, range(streams)))
        await tasks[0]
        await asyncio.sleep(0.5)
        sent = server.sent["shop"]
        assert sent[0] == Sent(0, streams, 500)
        assert (sent[1].at, sent[1].streams) == (again, streams - 1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    run_jumping(main())


def test_empty_reads_are_not_spaced(server: Server) -> None:
    async def main() -> None:
        reads, before = server.reads(4), asyncio.all_tasks()
        tasks = await until_all_wait(reads, *map(str, range(100)), wait=0.75)
        assert len(reads._carriers) == 1  # a task without a reference may be collected while it runs
        await asyncio.wait(tasks)
        await asyncio.sleep(0)
        assert (reads._carriers, asyncio.all_tasks()) == (set(), before)
        assert server.sent["shop"] == [Sent(0, 100, 500), Sent(0.5, 100, 250)]

    run_jumping(main())


def test_several_groups_take_turns_with_the_last_connection(server: Server) -> None:
    """It never blocks on the server, and reads the same streams every hundredth of a second."""

    async def main() -> None:
        reads = server.reads(1)
        tasks = [asyncio.create_task(reads.read(reader, ("a",), 10, 600)) for reader in (ME, OTHER)]
        await asyncio.sleep(0.7)
        for group in ("shop", "mail"):
            polls = [sent for sent in server.sent[group] if sent.block is None]
            assert len(polls) >= 10
            gaps = [later.at - sooner.at for sooner, later in pairwise(polls)]
            assert {round(gap, 3) for gap in gaps} == {0.01}
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    run_jumping(main())


def test_groups_without_a_connection_are_polled_in_one_round_trip(server: Server) -> None:
    """The more groups, the rarer: a hundred are polled ten times a second. One's entry is fetched alone."""

    async def main() -> None:
        reads = server.reads(1)
        readers = [ReaderId(f"group-{n}", "me") for n in range(100)]
        reads._free = 0
        tasks = [
            asyncio.create_task(reads.read(reader, (f"stream-{n}",), 10, 600))
            for n, reader in enumerate(readers)
        ]
        await asyncio.sleep(0)
        reads._free = 1
        reads._dispatch()
        server.due["stream-7"] = 0.35
        await asyncio.sleep(0.35)
        assert server.trips == 4
        assert [sent.at for sent in server.sent["group-99"]] == [0, 0.1, 0.2, 0.3]
        await asyncio.sleep(0.1)
        assert [number for number, task in enumerate(tasks) if task.done()] == [7]
        await asyncio.sleep(0.65)
        times = [sent.at for sent in server.sent["group-99"]][4:]
        assert {round(later - sooner, 3) for sooner, later in pairwise(times[1:])} == {0.099}
        assert [sent.at for sent in server.sent["group-7"]] == [0, 0.1, 0.2, 0.3, 0.4]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    run_jumping(main())


def test_a_group_that_is_alone_waits_on_the_server_with_its_only_connection(server: Server) -> None:
    async def main() -> None:
        await server.reads(1).read(ME, ("a",), 10, 0.5)
        assert server.sent["shop"] == [Sent(0, 1, 500)]

    run_jumping(main())


def test_a_command_reads_as_many_streams_and_entries_as_it_may(server: Server) -> None:
    async def main() -> None:
        reads = server.reads(4)
        tasks = await until_all_wait(reads, *map(str, range(1025)), wait=0.25)
        await asyncio.wait(tasks)
        assert [sent.streams for sent in server.sent["shop"]] == [1024, 1]

    run_jumping(main())
