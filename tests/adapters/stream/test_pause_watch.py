"""Pauses of a running consumer, on real servers: what is parked, what runs, and in which order."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, OutOfMemoryError, ReadOnlyError, ResponseError

from backends import KEYS, RedisBackend
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually, failing, named
from streamroute.adapters.entries.parked_names import parked_name
from streamroute.adapters.pauses.store import PauseStore
from streamroute.adapters.redis.scripts import script
from streamroute.adapters.stream.pause_watch import PauseWatch
from streamroute.adapters.stream.publishers import connection_of
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.processor import RedisStreamProcessor
from streamroute.incidents import LOG_ONLY
from streamroute.keys import PauseKeys
from streamroute.pauses import Circuit, PauseGate, PauseView
from streamroute.values import DeadLetter, RetryLater, RetryPolicy

PAUSES = PauseKeys.of(KEYS)
ROUTE, OTHER = "charge", "note"


@pytest.fixture
def backend(redis_client: Redis) -> RedisBackend:
    return RedisBackend(redis_client)


@pytest.fixture
def store(redis_client: Redis) -> PauseStore:
    return PauseStore(connection_of(redis_client), KEYS)


@pytest.fixture
async def add(backend: RedisBackend) -> Any:
    async def add_numbers(*numbers: int) -> None:
        for number in numbers:
            await backend.add(type="booked", n=str(number))

    return add_numbers


def routes(*handlers: Any, delay: float = 0.01) -> BotRedisDispatcher:
    return dispatcher_of(*handlers, retry=RetryPolicy(delay=delay, jitter=0, max_attempts=50))


def gate_of(consumer: RedisStreamProcessor) -> PauseGate:
    gate: PauseGate = consumer.storage.pause_gate(consumer.stream_name, consumer.consumer_group_name)  # type: ignore[attr-defined]  # a Redis storage
    return gate


async def parked(store: PauseStore, route: str = ROUTE) -> int:
    return (await store.read()).parked.get(route, 0)


async def test_messages_of_a_paused_route_wait_and_its_siblings_run(
    backend: RedisBackend, store: PauseStore, add: Any
) -> None:
    await store.pause(ROUTE, "the bank is down", "ann")
    charge, note = Handling(), Handling()
    async with consuming(backend.storage(), routes(named(charge, ROUTE), named(note, OTHER)).process_message):
        await add(*range(20))
        await eventually(lambda: len(note.seen) == 20)
        await eventually(lambda: parked_is(store, 20))
        assert await backend.pending() == []
        assert charge.seen == []
        await store.resume(ROUTE)
        await eventually(lambda: len(charge.seen) == 20)
    assert len(note.seen) == 20
    assert {message.attempt for message in charge.seen} == {1}
    assert await parked(store) == 0


async def parked_is(store: PauseStore, count: int) -> bool:
    return await parked(store) == count


async def test_parked_messages_survive_a_restart_and_keep_the_order_of_the_stream(
    backend: RedisBackend, store: PauseStore, add: Any
) -> None:
    await store.pause(ROUTE, "", "ann")
    async with consuming(backend.storage(), routes(named(Handling(), ROUTE)).process_message, concurrency=8):
        await add(*range(50))
        await eventually(lambda: parked_is(store, 50))
    charge = Handling()
    async with consuming(backend.storage(), routes(named(charge, ROUTE)).process_message):
        await add(50)
        await eventually(lambda: parked_is(store, 51))
        await store.resume(ROUTE)
        await add(*range(51, 60))
        await eventually(lambda: len(charge.seen) == 60)
    assert charge.numbers() == [str(number) for number in range(60)]


async def test_a_message_that_arrives_while_parked_ones_return_does_not_overtake_them(
    backend: RedisBackend, store: PauseStore, add: Any
) -> None:
    """Messages arrive without a pause, and those of each key run in their order all the same."""
    await store.pause(ROUTE, "", "ann")
    charge = Handling()
    ordering: dict[str, Any] = {"order_by": lambda payload: str(int(payload["n"]) % 3), "concurrency": 4}
    async with consuming(backend.storage(), routes(named(charge, ROUTE)).process_message, **ordering) as run:
        await add(*range(30))
        await eventually(lambda: parked_is(store, 30))
        await store.resume(ROUTE)
        number = 30
        while gate_of(run).parks:
            await add(number)
            number += 1
            await asyncio.sleep(0.01)
        await add(*range(number, number + 10))
        number += 10
        await eventually(lambda: len(charge.seen) == number)
    for key in range(3):
        mine = [int(n) for n in charge.numbers() if int(n) % 3 == key]
        assert mine == sorted(mine)


async def test_a_paused_stream_starts_nothing_and_promotes_no_retry(
    backend: RedisBackend, store: PauseStore, add: Any
) -> None:
    first, goes_on = asyncio.Event(), asyncio.Event()

    async def wait(_: Any) -> None:
        first.set()
        await goes_on.wait()

    charge = Handling(then=wait)
    async with consuming(backend.storage(), routes(named(charge, ROUTE)).process_message) as run:
        await add(0, 1, 2)
        await first.wait()
        await store.pause("", "a migration", "ann")
        await eventually(lambda: gate_of(run).view.stream)
        goes_on.set()
        await eventually(lambda: not run.running)
        await add(3)
        assert charge.numbers() == ["0"]
        assert sorted(await backend.pending())
        await store.resume("")
        await eventually(lambda: len(charge.seen) == 4)
    assert charge.numbers() == ["0", "1", "2", "3"]


async def test_a_renamed_route_keeps_its_pause_and_its_parked_messages(
    backend: RedisBackend, store: PauseStore, add: Any
) -> None:
    await store.pause("old", "", "ann")
    async with consuming(backend.storage(), routes(named(Handling(), "old")).process_message):
        await add(1, 2)
        await eventually(lambda: parked_is_of(store, "old", 2))
    renamed = Handling()
    async with consuming(backend.storage(), routes(named(renamed, ROUTE, "old")).process_message):
        await add(3)
        await eventually(lambda: parked_is_of(store, "old", 3))
        await store.resume("old")
        await eventually(lambda: len(renamed.seen) == 3)
    assert renamed.numbers() == ["1", "2", "3"]


async def parked_is_of(store: PauseStore, route: str, count: int) -> bool:
    return await parked(store, route) == count


async def test_a_pause_with_a_time_ends_by_itself(
    backend: RedisBackend, store: PauseStore, add: Any, redis_client: Redis
) -> None:
    await store.pause(ROUTE, "", "ann", seconds=0.05)
    charge = Handling()
    async with consuming(backend.storage(), routes(named(charge, ROUTE)).process_message):
        await add(1)
        await eventually(lambda: charge.seen)
    assert await redis_client.hlen(PAUSES.paused) == 0


async def test_a_circuit_opens_probes_and_closes(backend: RedisBackend, store: PauseStore, add: Any) -> None:
    works = False

    def fail_until_it_works(_: Any) -> None:
        if not works:
            raise RuntimeError("no luck")

    charge = Handling(then=fail_until_it_works)
    async with consuming(backend.storage(), routes(named(charge, ROUTE)).process_message) as run:
        gate_of(run).circuits = {ROUTE: Circuit(failures=3, within=60.0, pause=0.05)}
        await add(1)
        pause = await eventually(lambda: pause_of(store))
        assert pause.kind == "circuit"
        assert pause.reason.endswith(" failures within 60 s")
        seen = len(charge.seen)
        await eventually(lambda: len(charge.seen) > seen)
        works = True
        await eventually(lambda: is_open(store))
    assert len(charge.seen) < 40


async def pause_of(store: PauseStore) -> Any:
    return (await store.read()).pauses.get(ROUTE)


async def is_open(store: PauseStore) -> bool:
    state = await store.read()
    return not state.pauses and not state.parked


@pytest.mark.parametrize("key", [PAUSES.parked, PAUSES.parked_entries, PAUSES.circuits])
async def test_a_key_of_another_type_pauses_nothing(
    backend: RedisBackend,
    store: PauseStore,
    redis_client: Redis,
    add: Any,
    key: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Parking would be refused for ever: the message runs, and the log says why."""
    await redis_client.set(key, "mine")
    await store.pause(ROUTE, "", "ann")
    charge = Handling()
    async with consuming(backend.storage(), routes(named(charge, ROUTE)).process_message):
        await add(1)
        await eventually(lambda: charge.seen)
    assert f"nothing is paused in {KEYS.stream}" in caplog.text
    assert key in caplog.text


@pytest.mark.parametrize(
    ("error", "stays"),
    [
        (ReadOnlyError("READONLY You can't write against a read only replica."), True),
        (OutOfMemoryError("OOM command not allowed"), True),
        (OSError("away"), True),
        (NoPermissionError("NOPERM no"), False),
        (ResponseError("WRONGTYPE the key x is a string"), False),
        (ResponseError("ERR The user executing the script can't run this command"), False),
    ],
)
async def test_what_is_paused_stays_paused_unless_the_server_refuses_for_good(
    error: Exception, stays: bool
) -> None:
    def client_of(_: str) -> Redis:
        raise error

    gate = PauseGate()
    gate.apply(PauseView(routes=frozenset({ROUTE})))
    gate.counted.append(ROUTE)
    gate.probes.append((ROUTE, "closed"))
    watch = PauseWatch(KEYS, gate, LOG_ONLY)
    await watch.beat(client_of, lambda act: act(), 0.0)
    assert gate.parks == stays
    assert (list(gate.counted), list(gate.probes)) == ([ROUTE], [(ROUTE, "closed")])
    assert not watch.is_due(time.monotonic())


@pytest.mark.parametrize("foreign", ["string", "json", "many", "kind"])
async def test_a_foreign_pause_stops_nothing(
    backend: RedisBackend, redis_client: Redis, add: Any, foreign: str, caplog: pytest.LogCaptureFixture
) -> None:
    match foreign:
        case "string":
            await redis_client.set(PAUSES.paused, "mine")
        case "json":
            await redis_client.hset(PAUSES.paused, ROUTE, b"\xff\x00{" + b"[" * 3000)
        case "many":
            await redis_client.hset(PAUSES.paused, mapping={f"r{n}": "x" * 5000 for n in range(1500)})
        case _:
            await redis_client.hset(PAUSES.paused, ROUTE, '{"kind":"else","since":1}')
    charge = Handling()
    async with consuming(backend.storage(), routes(named(charge, ROUTE)).process_message):
        await add(1)
        await eventually(lambda: charge.seen)
    assert PAUSES.paused in caplog.text


async def test_parked_messages_whose_names_were_deleted_return(
    backend: RedisBackend, store: PauseStore, redis_client: Redis, add: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await store.pause(ROUTE, "", "ann")
    charge = Handling()
    async with consuming(backend.storage(), routes(named(charge, ROUTE)).process_message):
        await add(*range(5))
        await eventually(lambda: parked_is(store, 5))
        await redis_client.delete(PAUSES.parked)
        await eventually(lambda: parked_is(store, 5))
        await store.resume(ROUTE)
        await eventually(lambda: len(charge.seen) == 5)
    assert f"restored the names of 5 parked messages of {STREAM}" in caplog.text


@pytest.mark.parametrize("extra", ['"x": 1e400', '"x": NaN', '"probe": 1e400', '"until": -1', '"y": [[{}]]'])
async def test_a_circuit_with_foreign_facts_still_lets_a_message_try(
    redis_client: Redis, store: PauseStore, extra: str
) -> None:
    facts = f'{{"kind": "circuit", "since": 1, "until": 5, "for": 60000, {extra}}}'
    await redis_client.hset(
        PAUSES.paused, ROUTE, facts.replace('"until": 5, ', "") if "until" in extra else facts
    )
    names = [parked_name(ROUTE, f"{n}-0", f"{n}-0|{ROUTE}|1") for n in range(3)]
    await redis_client.hset(PAUSES.parked_entries, mapping=dict.fromkeys(names, "x"))
    await redis_client.zadd(PAUSES.parked, dict.fromkeys(names, 0))
    arguments = [0, 100, 200, 1 << 20, 0, 0]
    for _ in range(3):
        await script("pauses/sync").run(redis_client, [*PAUSES, KEYS.retry], arguments)
    assert await redis_client.xlen(KEYS.retry) == (0 if "until" in extra else 1)


async def test_parked_messages_whose_pause_has_ended_need_no_settled_order_to_return(
    redis_client: Redis, store: PauseStore
) -> None:
    """A removed script, or a server that restarts, is no obstacle: the state is in the keys alone."""
    await store.pause(ROUTE, "", "ann")
    await redis_client.script_flush()
    arguments = [0, 100, 200, 1 << 20, 0, 0]
    _, pauses, *rest = await script("pauses/sync").run(redis_client, [*PAUSES, KEYS.retry], arguments)
    assert (pauses[0], rest) == (ROUTE.encode(), [[], [], [], 0])


async def test_without_circuits_failures_are_not_counted(backend: RedisBackend, add: Any) -> None:
    charge = Handling(then=failing())
    async with consuming(backend.storage(), routes(named(charge, ROUTE)).process_message) as run:
        await add(1)
        await eventually(lambda: len(charge.seen) > 2)
        assert not gate_of(run).counted


async def test_a_worker_that_lost_an_entry_does_not_park_it(
    backend: RedisBackend, redis_client: Redis, add: Any
) -> None:
    storage = backend.storage()
    await storage.create_group(STREAM, GROUP)
    await add(1)
    [(entry_id, message)] = await storage.read_events(STREAM, GROUP, "one", 1)
    await redis_client.xclaim(STREAM, GROUP, "other", 0, [entry_id])
    message.delivery.outcomes.append(PauseGate().park(ROUTE, ROUTE, 1))
    settled = await storage.settle(STREAM, GROUP, "one", {entry_id: message})
    assert list(settled.lost) == [entry_id]
    assert await redis_client.exists(PAUSES.parked, PAUSES.parked_entries) == 0


async def test_a_message_with_several_outcomes_is_settled_once(
    backend: RedisBackend, redis_client: Redis, add: Any
) -> None:
    storage = backend.storage()
    await storage.create_group(STREAM, GROUP)
    await add(1)
    [(entry_id, message)] = await storage.read_events(STREAM, GROUP, "one", 1)
    message.delivery.outcomes += [
        RetryLater(OTHER, 60, 2, "no luck"),
        PauseGate().park(ROUTE, ROUTE, 1),
        DeadLetter("third", "no"),
    ]
    await storage.settle(STREAM, GROUP, "one", {entry_id: message})
    assert await backend.pending() == []
    assert [len(await backend.dead()), len(await backend.scheduled())] == [1, 1]
    assert await redis_client.zrange(PAUSES.parked, 0, -1) == await redis_client.hkeys(PAUSES.parked_entries)
    assert await redis_client.zcard(PAUSES.parked) == 1
