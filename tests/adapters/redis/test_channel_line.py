"""The queue of a channel: who waits, which calls are sent together, and their replies; without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from redis.asyncio import ConnectionPool, Redis

from consuming import eventually, within_patience
from streamroute.adapters.redis.channel import Channel, command_connections, read_connections
from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.errors import SetupError


class Server:
    """Round trips that end when released, in the order of their start; each echoes its commands."""

    def __init__(self) -> None:
        self.trips: list[list[CommandArgs]] = []
        self.open = 0
        self.most_open = 0
        self._go = asyncio.Semaphore(0)
        self.error: BaseException | None = None

    async def round_trip(self, pool: Any, commands: Sequence[CommandArgs]) -> list[Any]:
        """Record one round trip, wait for its release, and return the commands' names."""
        self.trips.append(list(commands))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self._go.acquire()
        finally:
            self.open -= 1
        error, self.error = self.error, None
        if error is not None:
            raise error
        return [words[0] for words in commands]

    def let(self, trips: int = 1) -> None:
        """Release this many round trips."""
        for _ in range(trips):
            self._go.release()

    @property
    def sizes(self) -> list[int]:
        """The number of commands of each round trip."""
        return list(map(len, self.trips))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr("streamroute.adapters.redis.channel.round_trip", made.round_trip)
    return made


@pytest.fixture
def channel() -> Callable[[int], Channel]:
    pool = cast("ConnectionPool", Server())  # only a name for the connections
    return lambda connections: Channel(pool, connections)


async def started(channel: Channel, *calls: Sequence[CommandArgs]) -> list[asyncio.Task[list[Any]]]:
    """Start callers, which are then in flight or queued."""
    tasks = [asyncio.create_task(channel.send(commands)) for commands in calls]
    await turns()
    return tasks


async def turns() -> None:
    """Let the event loop iterate a few times."""
    for _ in range(10):
        await asyncio.sleep(0)


def call(name: str, commands: int = 1) -> list[CommandArgs]:
    return [(f"{name}{n}",) for n in range(commands)]


async def test_a_connection_that_is_free_is_used_at_once_and_there_are_no_more(
    server: Server, channel: Callable[[int], Channel]
) -> None:
    tasks = await started(channel(2), *(call(name) for name in "abcd"))
    assert server.sizes == [1, 1]
    server.let(9)
    assert await within_patience(asyncio.gather(*tasks)) == [["a0"], ["b0"], ["c0"], ["d0"]]
    assert server.trips[2] == [("c0",), ("d0",)]
    assert server.most_open == 2


async def test_a_new_caller_queues_behind_waiting_ones(
    server: Server, channel: Callable[[int], Channel]
) -> None:
    made = channel(1)
    first, *waiting = await started(made, call("a"), call("b"), call("c"))
    server.let()
    await within_patience(first)
    waiting += await started(made, call("d"))
    server.let(9)
    await within_patience(asyncio.gather(*waiting))
    assert [words[0] for trip in server.trips for words in trip] == ["a0", "b0", "c0", "d0"]


async def test_waiting_calls_use_all_connections(server: Server, channel: Callable[[int], Channel]) -> None:
    """Each connection that becomes free takes a part, and no call is lost to a later one."""
    made = channel(3)
    calls = [call(f"{n}-") for n in range(3 + 64 * 3)]
    tasks = await started(made, *calls)
    server.let(3)
    await eventually(lambda: server.sizes == [1, 1, 1, 64, 64, 64])
    assert server.open == 3
    server.let(3)
    await within_patience(asyncio.gather(*tasks))
    again = await started(made, *(call(name) for name in "abc"))
    assert server.open == 3
    server.let(3)
    assert await within_patience(asyncio.gather(*again)) == [["a0"], ["b0"], ["c0"]]


async def test_a_round_trip_takes_sixty_four_calls(server: Server, channel: Callable[[int], Channel]) -> None:
    tasks = await started(channel(1), *(call(f"{n}-") for n in range(1 + 64 + 2)))
    server.let(9)
    await within_patience(asyncio.gather(*tasks))
    assert server.sizes == [1, 64, 2]


async def test_a_round_trip_takes_five_hundred_and_twelve_commands(
    server: Server, channel: Callable[[int], Channel]
) -> None:
    sizes = [1, 500, 12, 1, 600, 512, 1]
    tasks = await started(channel(1), *(call(f"{n}-", size) for n, size in enumerate(sizes)))
    server.let(9)
    answers = await within_patience(asyncio.gather(*tasks))
    assert server.sizes == [1, 512, 1, 600, 512, 1]
    assert answers == [[f"{n}-{i}" for i in range(size)] for n, size in enumerate(sizes)]


async def test_a_caller_cancelled_in_the_queue_is_skipped(
    server: Server, channel: Callable[[int], Channel]
) -> None:
    first, gone, stays = await started(channel(1), call("a"), call("b"), call("c"))
    gone.cancel()
    await turns()
    server.let(9)
    await within_patience(asyncio.gather(first, stays))
    assert server.trips == [call("a"), call("c")]


async def test_a_caller_that_is_cancelled_on_its_way_keeps_its_neighbours_answers_apart(
    server: Server, channel: Callable[[int], Channel]
) -> None:
    first, gone, stays = await started(channel(1), call("a"), call("b", 3), call("c", 2))
    server.let()
    await within_patience(first)
    await eventually(lambda: len(server.trips) == 2)
    gone.cancel()
    server.let()
    assert await within_patience(stays) == ["c0", "c1"]


@pytest.mark.parametrize(
    ("error", "reported"),
    [(ConnectionError("away"), ConnectionError), (KeyboardInterrupt(), asyncio.CancelledError)],
)
async def test_an_error_reaches_all_callers_of_the_batch_and_the_queue_continues(
    server: Server, channel: Callable[[int], Channel], error: BaseException, reported: type[BaseException]
) -> None:
    made = channel(1)
    first, *others = await started(made, call("a"), call("b"), call("c"))
    server.let()
    await within_patience(first)
    await eventually(lambda: len(server.trips) == 2)
    if isinstance(error, KeyboardInterrupt):
        for carrier in made._carriers:
            carrier.cancel()  # as the end of an event loop does
    else:
        server.error = error
        server.let()
    answers = await within_patience(asyncio.gather(*others, return_exceptions=True))
    assert [type(answer) for answer in answers] == [reported, reported]
    await turns()
    (last,) = await started(made, call("d"))
    server.let()
    assert await within_patience(last) == ["d0"]


async def test_a_call_that_fails_alone_gives_its_connection_back(
    server: Server, channel: Callable[[int], Channel]
) -> None:
    made = channel(1)
    server.error = ConnectionError("away")
    failed, waits = await started(made, call("a"), call("b"))
    server.let(2)
    with pytest.raises(ConnectionError):
        await within_patience(failed)
    assert await within_patience(waits) == ["b0"]


async def test_connections_are_as_many_after_any_number_of_round_trips(
    server: Server, channel: Callable[[int], Channel]
) -> None:
    """Whether callers ran alone, waited in the queue, failed, or were cancelled."""
    made = channel(2)
    for _ in range(3):
        alone, failed = await started(made, call("alone"), call("failed"))
        waited, later, cancelled = await started(made, call("w", 400), call("l", 400), call("c", 400))
        assert server.open == 2
        server.error = ConnectionError("gone")
        server.let(2)
        await turns()
        assert server.open == 2  # carriers with one call each
        more = await started(made, call("more"), call("more"))
        assert server.open == 2
        cancelled.cancel()
        server.let(9)
        ended = asyncio.gather(alone, failed, waited, later, cancelled, *more, return_exceptions=True)
        results = await within_patience(ended)
        assert [isinstance(result, ConnectionError) for result in results[:2]].count(True) == 1
        assert [len(result) for result in results[2:4] if isinstance(result, list)] == [400, 400]
        assert server.open == 0
        while not server._go.locked():
            await server._go.acquire()
    assert server.most_open == 2


async def test_no_task_remains_when_all_calls_are_answered(
    server: Server, channel: Callable[[int], Channel]
) -> None:
    made, before = channel(1), asyncio.all_tasks()
    server.let()
    await within_patience(made.send(call("alone")))
    assert asyncio.all_tasks() == before
    tasks = await started(made, *(call(name) for name in "abc"))
    server.let()
    await turns()
    assert len(made._carriers) == 1  # a task without a reference may be collected while it runs
    server.let()
    await within_patience(asyncio.gather(*tasks))
    await turns()
    assert asyncio.all_tasks() == before
    assert made._carriers == set()


@pytest.mark.parametrize(
    ("most", "commands", "reads"),
    [(2, 1, 1), (3, 1, 2), (4, 2, 2), (5, 2, 3), (6, 3, 3), (7, 3, 4), (8, 3, 4), (100, 3, 4)],
)
def test_a_pool_is_shared_between_commands_and_reads(most: int, commands: int, reads: int) -> None:
    pool = ConnectionPool(max_connections=most)
    assert (command_connections(pool), read_connections(pool)) == (commands, reads)


def test_a_pool_of_one_connection_has_none_to_wait_with() -> None:
    pool = ConnectionPool(max_connections=1)
    assert command_connections(pool) == 1
    with pytest.raises(SetupError, match="may open 1 connection; consuming needs 2 at least"):
        read_connections(pool)
    with pytest.raises(SetupError, match="consuming needs 2 at least"):
        RedisStreamStorage(Redis(connection_pool=pool))


def test_a_pool_without_a_limit_has_seven_connections() -> None:
    pool = cast("ConnectionPool", object())
    assert (command_connections(pool), read_connections(pool)) == (3, 4)
