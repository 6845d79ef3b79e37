"""What operators do to pauses, and what they see, on real servers."""

from __future__ import annotations

from collections import Counter

import pytest
from redis.asyncio import Redis

from backends import KEYS
from streamroute.adapters.entries.parked_names import parked_name
from streamroute.adapters.pauses.store import GroupPauses, PauseStore
from streamroute.adapters.pauses.sync import sync_pauses
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import SetupError
from streamroute.keys import PauseKeys
from streamroute.pauses import Circuit

PAUSES = PauseKeys.of(KEYS)


@pytest.fixture
def store(redis_client: Redis) -> PauseStore:
    return PauseStore(connection_of(redis_client), KEYS)


async def test_a_second_pause_keeps_since_when_and_returns_the_first(store: PauseStore) -> None:
    nothing, first = await store.pause("a", "the bank is down", "ann")
    before, second = await store.pause("a", "still down", "bob", 60)
    assert (nothing, before) == (None, first)
    assert (second.since, second.who, second.reason) == (first.since, "bob", "still down")
    assert second.until is not None
    assert (await store.read()).pauses == {"a": second}


@pytest.mark.parametrize("seconds", [1e15, float("inf")])
async def test_a_pause_of_centuries_ends_after_ten_years(store: PauseStore, seconds: float) -> None:
    _, pause = await store.pause("a", "", "ann", seconds)
    assert pause.until is not None
    assert pause.until - pause.since == 3650 * 86_400_000


@pytest.mark.parametrize("since", ["-1e400", "NaN", "Infinity", "-1", '"soon"'])
async def test_a_pause_without_a_plausible_time_is_replaced(
    store: PauseStore, redis_client: Redis, since: str
) -> None:
    await redis_client.hset(PAUSES.paused, "a", f'{{"kind": "manual", "since": {since}}}')
    before, pause = await store.pause("a", "", "ann")
    assert before is None
    assert pause.since > 1_500_000_000_000


async def test_a_resumed_route_is_not_paused(store: PauseStore) -> None:
    _, pause = await store.pause("", "a migration", "ann")
    assert await store.resume("") == pause
    assert await store.resume("") is None
    assert not (await store.read()).pauses


async def test_the_parked_messages_of_each_route_are_counted(store: PauseStore, redis_client: Redis) -> None:
    names = [
        parked_name(route, f"{n}-0", f"{n}-0|{route}|1") for route in ("a", "a|b", "b") for n in range(12)
    ]
    await redis_client.zadd(PAUSES.parked, dict.fromkeys(names[:-1], 0))
    assert (await store.read()).parked == {"a": 12, "a|b": 12, "b": 11}
    assert await store.oldest("a|b", 2) == ["0-0|a|b|1", "1-0|a|b|1"]


async def test_foreign_names_of_parked_messages_are_passed(store: PauseStore, redis_client: Redis) -> None:
    foreign = {b"\xff\xfe|1": 0, b"\xff": 0, b"|": 0, b"": 0, b"\x00|": 0}
    await redis_client.zadd(PAUSES.parked, {**foreign, parked_name("a", "1-0", "1-0|a|1"): 0})
    assert (await store.read()).parked["a"] == 1
    synced = await sync_pauses(redis_client, KEYS, Counter(), {}, [], ["a"], keeps_order=False)
    assert synced.parked["a"] == 1
    await redis_client.zadd(PAUSES.parked, {b"\xff": float("inf"), b"\x00|": -5.5})
    assert isinstance(await store.read(), GroupPauses)


async def test_a_damaged_pause_is_named_and_another_replaces_it(
    store: PauseStore, redis_client: Redis
) -> None:
    await redis_client.hset(PAUSES.paused, mapping={"a": "{", "b": b"\xff"})
    assert (await store.read()).damaged == ("a", "b")
    before, _ = await store.pause("a", "", "ann")
    assert before is None
    assert await store.resume("b") is None
    assert (await store.read()).damaged == ()


async def test_a_key_of_another_type_is_refused_with_its_name(store: PauseStore, redis_client: Redis) -> None:
    await redis_client.set(PAUSES.paused, "mine")
    with pytest.raises(SetupError):
        await store.read()
    with pytest.raises(SetupError):
        await store.pause("a", "", "ann")


async def test_the_newer_protocol_reads_the_same(redis_url: str, redis_client: Redis) -> None:
    await redis_client.zadd(PAUSES.parked, {parked_name("a", "1-0", "1-0|a|1"): 0})
    async with Redis.from_url(redis_url, protocol=3) as client:
        store = PauseStore(connection_of(client), KEYS)
        _, pause = await store.pause("a", "why", "ann")
        state = await store.read()
        assert (state.pauses, state.parked) == ({"a": pause}, {"a": 1})
        synced = await sync_pauses(client, KEYS, Counter(), {}, [], [], keeps_order=False)
        assert (synced.pauses, synced.parked) == ({"a": pause}, {"a": 1})


async def test_failures_of_all_workers_open_a_circuit(redis_client: Redis, store: PauseStore) -> None:
    circuits = {"a": Circuit(5, 60, 300)}
    for failures, is_open in ((2, False), (2, False), (1, True)):
        counted = Counter({"a": failures, "removed": 9})
        synced = await sync_pauses(redis_client, KEYS, counted, circuits, [], [], keeps_order=False)
        assert ("a" in synced.pauses) == is_open
    assert synced.events == [("opened", "a")]
    pause = (await store.read()).pauses["a"]
    assert (pause.kind, pause.reason) == ("circuit", "5 failures within 60 s")
    assert pause.until is not None
    assert 299_000 < pause.until - pause.since <= 300_000


async def test_a_circuit_does_not_replace_a_manual_pause(redis_client: Redis, store: PauseStore) -> None:
    _, pause = await store.pause("a", "why", "ann")
    counted, circuits = Counter({"a": 9}), {"a": Circuit(5, 60, 300)}
    synced = await sync_pauses(redis_client, KEYS, counted, circuits, [], [], keeps_order=False)
    assert synced.pauses == {"a": pause}
    assert synced.events == []


async def test_failures_outside_the_time_do_not_count(redis_client: Redis) -> None:
    circuits = {"a": Circuit(5, 60, 300)}
    seconds, _ = await redis_client.time()
    bucket = seconds * 1000 // 2000
    await redis_client.hset(
        PAUSES.circuits, "failures|a", f"{bucket - 40}:4 {bucket + 9}:4 x:y {bucket - 20}:1"
    )
    for failures, is_open in ((3, False), (1, True)):
        counted = Counter({"a": failures})
        synced = await sync_pauses(redis_client, KEYS, counted, circuits, [], [], keeps_order=False)
        assert ("a" in synced.pauses) == is_open
