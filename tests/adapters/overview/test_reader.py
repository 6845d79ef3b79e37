"""Overviews of groups, read from real servers; what cannot be read is named, and the rest is there."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from backends import KEYS
from consuming import GROUP, STREAM
from scripted import Scripted
from servers import free_port
from streamroute.adapters.overview.group_overview import GroupOverview
from streamroute.adapters.overview.reader import GroupName, OverviewReader
from streamroute.adapters.redis.connection import new_client
from streamroute.adapters.snapshots.worker_snapshot import MAX_BYTES, WorkerSnapshot
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import RedisUnavailableError
from streamroute.keys import GroupKeys, PauseKeys

NAME = GroupName(KEYS, GROUP)


async def read(client: Any, name: GroupName = NAME) -> GroupOverview:
    (overview,) = await OverviewReader(connection_of(client)).read([name])
    return overview


async def alive_until(client: Any) -> str:
    return f"{await Scripted(client).now() + 60_000} 60000 d"


async def test_a_stream_that_does_not_exist_is_empty(redis_client: Redis) -> None:
    overview = await read(redis_client)
    assert not overview.exists
    assert (overview.length, overview.pending, overview.scheduled, overview.due, overview.dead) == (
        0,
        0,
        0,
        0,
        0,
    )
    assert (overview.oldest, overview.next_due, overview.newest_dead, overview.damaged) == ("", None, "", ())


async def test_entries_retries_and_dead_letters_are_counted(redis_client: Redis) -> None:
    client: Any = redis_client
    await client.xgroup_create(STREAM, GROUP, "0", mkstream=True)
    await client.xgroup_create(KEYS.retry, GROUP, "0", mkstream=True)
    ids = [await client.xadd(STREAM, {"type": "t"}) for _ in range(5)]
    await client.xadd(KEYS.retry, {"name": "n"})
    await client.xadd(KEYS.retry, {"name": "n"})
    await client.xreadgroup(GROUP, "worker-1", {STREAM: ">"}, count=2)
    await client.xreadgroup(GROUP, "worker-2", {KEYS.retry: ">"}, count=1)
    await client.zadd(KEYS.due, {"later": 3_000_000_000_000, "sooner": 2_000_000_000_000})
    letter = await client.xadd(KEYS.dead, {"a": "b" * 100_000})
    overview = await read(client)
    assert overview.exists
    assert (overview.length, overview.pending, overview.due, overview.scheduled) == (5, 3, 1, 2)
    assert overview.unread in (3, None)  # Redis 6.2 does not tell
    assert overview.oldest == ids[0].decode()
    assert overview.next_due == 2_000_000_000_000
    assert (overview.dead, overview.newest_dead) == (1, letter.decode())
    assert {name: held.total for name, held in overview.holding.items()} == {"worker-1": 2, "worker-2": 1}


async def test_live_workers_have_snapshots_and_dead_ones_their_oldest_entry(redis_client: Redis) -> None:
    client: Any = redis_client
    await client.xgroup_create(STREAM, GROUP, "0", mkstream=True)
    first = await client.xadd(STREAM, {"type": "t"})
    await client.xadd(STREAM, {"type": "t"})
    await client.xreadgroup(GROUP, "dead", {STREAM: ">"}, count=1)
    await client.xreadgroup(GROUP, "alive", {STREAM: ">"}, count=1)
    await client.hset(KEYS.workers, mapping={"alive": await alive_until(client), "dead": "1 60000 d"})
    await client.hset(KEYS.generations, mapping={"alive": "g1", "dead": "g0"})
    snapshot = WorkerSnapshot(at=1, host="web-1")
    await client.hset(KEYS.stats, mapping={"alive": snapshot.pack(), "dead": snapshot.pack()})
    overview = await read(client)
    assert overview.alive == {"alive": 60_000}
    assert overview.generations == {"alive": "g1"}
    assert overview.snapshots == {"alive": snapshot}
    assert overview.holding["dead"].oldest == first.decode()
    assert overview.holding["alive"].oldest == ""


@pytest.mark.parametrize("value", ["not JSON", "x" * (MAX_BYTES + 1)], ids=["damaged", "huge"])
async def test_a_damaged_snapshot_is_named_and_the_others_are_read(redis_client: Redis, value: str) -> None:
    client: Any = redis_client
    until = await alive_until(client)
    await client.hset(KEYS.workers, mapping={"good": until, "bad": until})
    await client.hset(KEYS.stats, mapping={"good": WorkerSnapshot(at=1).pack(), "bad": value})
    overview = await read(client)
    assert list(overview.snapshots) == ["good"]
    (problem,) = overview.damaged
    assert "bad" in problem
    assert "snapshot" in problem


@pytest.mark.parametrize(
    "key", [key for key in GroupKeys._fields if key in ("retry", "due", "dead", "workers")]
)
async def test_a_key_of_another_type_is_named_and_the_rest_is_read(redis_client: Redis, key: str) -> None:
    client: Any = redis_client
    await client.xadd(STREAM, {"type": "t"})
    await client.set(getattr(KEYS, key), "a string")
    overview = await read(client)
    assert overview.length == 1
    assert overview.damaged == (f"{getattr(KEYS, key)} holds another type of value",)


async def test_snapshots_of_another_type_are_named(redis_client: Redis) -> None:
    client: Any = redis_client
    await client.hset(KEYS.workers, "alive", await alive_until(client))
    await client.set(KEYS.stats, "a string")
    overview = await read(client)
    assert overview.damaged == (f"{KEYS.stats} holds another type of value",)


async def test_many_groups_are_read_in_their_order(redis_client: Redis) -> None:
    client: Any = redis_client
    names = [GroupName(GroupKeys.of(f"s{number}", GROUP), GROUP) for number in range(60)]
    for number, name in enumerate(names):
        for _ in range(number % 3):
            await client.xadd(name.keys.stream, {"type": "t"})
    overviews = await OverviewReader(connection_of(client)).read(names)
    assert [overview.length for overview in overviews] == [number % 3 for number in range(60)]


async def test_a_server_that_is_away_is_unavailable() -> None:
    async with new_client(f"redis://127.0.0.1:{free_port()}") as client:
        with pytest.raises(RedisUnavailableError):
            await read(client)


async def test_pauses_and_parked_messages_are_read(redis_client: Redis) -> None:
    pauses = PauseKeys.of(KEYS)
    stored: Any = {"a": '{"kind":"manual","since":5,"who":"ann"}', "b": "damaged"}
    await redis_client.hset(pauses.paused, mapping=stored)
    await redis_client.zadd(pauses.parked, {"a|1": 0})
    [overview] = await OverviewReader(connection_of(redis_client)).read([GroupName(KEYS, GROUP)])
    assert list(overview.pauses) == ["a"]
    assert overview.parked == 1


async def test_what_a_user_may_not_read_is_named_and_the_rest_is_read(
    redis_client: Redis, redis_url: str
) -> None:
    client: Any = redis_client
    await client.xadd(STREAM, {"type": "t"})
    await client.hset(KEYS.workers, "alive", await alive_until(client))
    rules = (f"~{STREAM}", f"~{KEYS.workers}", "+time", "+xlen", "+xinfo", "+hgetall")
    await client.execute_command("ACL", "SETUSER", "reader", "on", "nopass", "resetkeys", "-@all", *rules)
    try:
        async with Redis.from_url(redis_url, username="reader", password="any") as limited:
            overview = await read(limited)
    finally:
        await client.execute_command("ACL", "DELUSER", "reader")
    assert (overview.length, list(overview.alive)) == (1, ["alive"])
    assert (overview.pending, overview.scheduled, overview.dead, overview.parked) == (None, None, None, None)
    assert overview.snapshots == {}
    assert "NOPERM" in overview.denied or "permission" in overview.denied


@pytest.mark.parametrize("protocol", [2, 3])
async def test_both_protocols_give_the_same_overview(
    redis_client: Redis, redis_url: str, protocol: int
) -> None:
    client: Any = redis_client
    await client.xgroup_create(STREAM, GROUP, "0", mkstream=True)
    entry = await client.xadd(STREAM, {"type": "t"})
    await client.xreadgroup(GROUP, "worker-1", {STREAM: ">"})
    await client.zadd(KEYS.due, {"a": 4e12})
    await client.hset(KEYS.workers, "alive", await alive_until(client))
    await client.hset(KEYS.stats, "alive", WorkerSnapshot(at=1).pack())
    async with Redis.from_url(redis_url, protocol=protocol) as other:
        overview = await read(other)
    assert (overview.pending, overview.oldest, overview.next_due) == (1, entry.decode(), 4_000_000_000_000)
    assert overview.holding["worker-1"].oldest == entry.decode()
    assert overview.snapshots == {"alive": WorkerSnapshot(at=1)}
