"""Reads: many streams over few connections, none of which delays another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from consuming import eventually, within_patience
from servers import free_port
from streamroute.adapters.redis.channel import READ_CONNECTIONS
from streamroute.adapters.redis.connection import new_client
from streamroute.adapters.redis.raw_client import interrupt_read, raw_client, read
from streamroute.adapters.redis.read_commands import ReaderId, ReadResult
from streamroute.adapters.redis.shared_reads import shared_reads_of

ME = ReaderId("shop", "me")


class Streams:
    """Streams with a group, and their reads in progress."""

    def __init__(self, client: Redis, other: Redis) -> None:
        self.client: Any = client
        self.other: Any = other
        self._raw = raw_client(client, "any")

    async def create(self, *streams: str, group: str = "shop") -> None:
        for stream in streams:
            await self.other.xgroup_create(stream, group, id="0", mkstream=True)

    def reading(
        self, stream: str, reader: ReaderId = ME, count: int = 10, wait: float = 600
    ) -> asyncio.Task[ReadResult]:
        """Start a read."""
        return asyncio.create_task(read(self._raw, reader, (stream,), count, wait))

    async def all_wait(self, streams: Sequence[str], reader: ReaderId = ME) -> list[asyncio.Task[ReadResult]]:
        """Start reads of these streams, and wait until the server has them."""
        tasks = [self.reading(stream, reader) for stream in streams]
        await eventually(self.blocked)
        return tasks

    def interrupt(self, stream: str, reader: ReaderId = ME) -> None:
        interrupt_read(self._raw, reader, (stream,))

    async def blocked(self) -> int:
        return int((await self.other.info("clients"))["blocked_clients"])

    async def add(self, stream: str, count: int = 1) -> None:
        for n in range(count):
            await self.other.xadd(stream, {"n": n})

    async def calls(self, command: str = "xreadgroup") -> int:
        """Return how often the server ran a command."""
        stats = await self.other.info("commandstats")
        return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))


@asynccontextmanager
async def ended(tasks: Sequence[asyncio.Task[ReadResult]]) -> AsyncIterator[None]:
    """Cancel the reads that are still active."""
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def streams(redis_url: str, redis_client: Redis) -> AsyncIterator[Streams]:
    async with new_client(redis_url, client_name="reads") as client:
        yield Streams(client, redis_client)


def numbers(result: ReadResult) -> dict[str, int]:
    """Return the number of entries of each stream in a read."""
    return {stream: len(rows) for stream, rows in result.rows.items()}


async def test_two_hundred_idle_streams_are_one_command_at_a_time(streams: Streams) -> None:
    names = [f"s{n}" for n in range(200)]
    await streams.create(*names)
    async with ended(await streams.all_wait(names)):
        # After some beats all share one command; separately, they would be two hundred per beat.
        await eventually(lambda: _is_quiet(streams))
        clients = await streams.other.client_list()
        assert sum(client["name"] == "reads" for client in clients) <= READ_CONNECTIONS


async def _is_quiet(streams: Streams) -> bool:
    """Whether two beats bring only a few commands."""
    loop = asyncio.get_running_loop()
    before, began = await streams.calls(), loop.time()
    await asyncio.sleep(1.1)
    beats = (loop.time() - began) / 0.5 + 1
    return await streams.calls() - before <= 4 * beats


async def test_an_entry_reaches_the_stream_that_it_was_added_to_and_no_other(streams: Streams) -> None:
    names = [f"s{n}" for n in range(50)]
    await streams.create(*names)
    tasks = await streams.all_wait(names)
    async with ended(tasks):
        for n in (7, 31, 49, 0):
            await streams.add(names[n])
            assert numbers(await within_patience(tasks[n])) == {names[n]: 1}
            assert [task.done() for task in tasks].count(True) == 1
            tasks[n] = streams.reading(names[n])
            await asyncio.sleep(0)


async def test_a_stream_that_begins_to_read_does_not_wait_for_those_that_wait(streams: Streams) -> None:
    """Its entries exist, and the others' command blocks for another half second."""
    names = [f"s{n}" for n in range(20)]
    await streams.create("late", *names)
    await streams.add("late", 3)
    async with ended(await streams.all_wait(names)):
        loop = asyncio.get_running_loop()
        waits: list[float] = []
        while len(waits) < 20 and min(waits, default=1.0) >= 0.2:
            began = loop.time()
            assert numbers(await within_patience(streams.reading("late", count=1))) == {"late": 1}
            waits.append(loop.time() - began)
            await streams.add("late")
        assert min(waits) < 0.2


async def test_more_groups_than_connections_are_all_served(streams: Streams) -> None:
    readers = [ReaderId(f"g{n}", "me") for n in range(3 * READ_CONNECTIONS)]
    for reader in readers:
        await streams.create("shared", group=reader.group)
    tasks = [streams.reading("shared", reader) for reader in readers]
    async with ended(tasks):
        await eventually(lambda: _is(READ_CONNECTIONS - 1, streams.blocked))  # the last one takes turns
        await streams.add("shared")
        for task in tasks:
            assert numbers(await within_patience(task)) == {"shared": 1}


async def test_a_stream_that_has_more_is_read_alone_and_gets_what_it_asks_for(streams: Streams) -> None:
    """Other streams may have capacity for few entries: they do not limit its reads."""
    names = [f"s{n}" for n in range(8)]
    await streams.create("hot", *names)
    await streams.add("hot", 500)
    async with ended([streams.reading(name, count=1) for name in names]):
        await eventually(streams.blocked)
        first = numbers(await within_patience(streams.reading("hot", count=100)))["hot"]
        assert numbers(await within_patience(streams.reading("hot", count=100))) == {"hot": 100}
        assert first <= 100


async def test_a_read_returns_at_most_the_requested_count(streams: Streams) -> None:
    names = [f"s{n}" for n in range(30)]
    await streams.create(*names)
    for name in names:
        await streams.add(name, 20)
    tasks = [streams.reading(name, count=1 + n % 7) for n, name in enumerate(names)]
    for n, task in enumerate(tasks):
        brought = numbers(await within_patience(task))
        assert 1 <= brought[names[n]] <= 1 + n % 7


async def test_a_stream_without_a_group_has_a_separate_error(streams: Streams) -> None:
    names = [f"s{n}" for n in range(10)]
    await streams.create(*names)
    good = await streams.all_wait(names)
    bad = [streams.reading(f"bad{n}") for n in range(5)]
    async with ended([*good, *bad]):
        for task in bad:
            with pytest.raises(ResponseError, match="NOGROUP"):
                await within_patience(task)
        for name in names:
            await streams.add(name)
        for name, task in zip(names, good, strict=True):
            assert numbers(await within_patience(task)) == {name: 1}


async def test_a_key_of_another_type_has_a_separate_error(streams: Streams) -> None:
    await streams.create("good")
    await streams.other.set("wrong", "a string")
    good, wrong = streams.reading("good"), streams.reading("wrong")
    async with ended([good, wrong]):
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await within_patience(wrong)
        await streams.add("good")
        assert numbers(await within_patience(good)) == {"good": 1}


async def test_a_read_returns_nothing_at_its_deadline(streams: Streams) -> None:
    await streams.create("s")
    assert (await within_patience(streams.reading("s", wait=0.05))).rows == {}


async def test_an_interrupted_read_ends_with_nothing_and_loses_nothing(streams: Streams) -> None:
    await streams.create("s", "t")
    tasks = await streams.all_wait(["s", "t"])
    streams.interrupt("s")
    streams.interrupt("nobody reads this")
    assert (await within_patience(tasks[0])).rows == {}
    async with ended(tasks):
        await streams.add("s")
        await streams.add("t")
        assert numbers(await within_patience(tasks[1])) == {"t": 1}
        assert numbers(await within_patience(streams.reading("s"))) == {"s": 1}


async def test_a_reader_that_ends_leaves_nothing_behind(streams: Streams) -> None:
    await streams.create("s")
    await streams.add("s", 3)
    await streams.reading("s", count=1)
    reading = streams.reading("s", count=1)
    await asyncio.sleep(0)
    streams.interrupt("s")
    await reading
    reads = shared_reads_of(streams._raw)
    assert (reads._names, reads._busy, reads._open) == (set(), set(), {})


async def test_entries_that_arrive_during_an_interruption_are_returned(streams: Streams) -> None:
    """The server may already have delivered it."""
    await streams.create("s")
    for _ in range(20):
        (task,) = await streams.all_wait(["s"])
        adding = asyncio.create_task(streams.add("s"))
        streams.interrupt("s")
        await adding
        got = numbers(await within_patience(task)).get("s", 0)
        wait = 0.01 if got else 600.0
        again = numbers(await within_patience(streams.reading("s", wait=wait))).get("s", 0)
        assert got + again == 1


async def test_a_server_that_is_away_is_raised_to_everybody() -> None:
    async with new_client(f"redis://127.0.0.1:{free_port()}") as client:
        raw = raw_client(client, "s")
        calls = (read(raw, ME, (f"s{n}",), 1, 1) for n in range(20))
        failed = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(error) for error in failed} == {RedisConnectionError}


async def test_a_reader_that_is_cancelled_leaves_the_others_reading(streams: Streams) -> None:
    names = [f"s{n}" for n in range(5)]
    await streams.create(*names)
    tasks = await streams.all_wait(names)
    async with ended(tasks):
        for task in tasks[:4]:
            task.cancel()
        await asyncio.wait(tasks[:4])
        await streams.add(names[4])
        assert numbers(await within_patience(tasks[4])) == {names[4]: 1}


async def test_the_time_of_a_read_is_from_before_it(streams: Streams) -> None:
    await streams.create("s")
    task = streams.reading("s")
    await eventually(streams.blocked)
    await streams.add("s")
    brought = await within_patience(task)
    [(entry_id, _)] = brought.rows["s"]
    assert 0 < brought.time <= int(entry_id.decode().split("-")[0])


async def _is(expected: int, ask: Any) -> bool:
    return bool(await ask() == expected)
