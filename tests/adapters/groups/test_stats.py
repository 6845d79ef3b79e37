"""A group's statistics, from real servers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from consuming import GROUP, STREAM
from streamroute.adapters.groups.stats import GroupStats, GroupStatsReader
from streamroute.adapters.redis.connection import RedisConnection, new_client
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.adapters.urls.url import Address
from streamroute.errors import RedisUnavailableError
from streamroute.keys import GroupKeys, PauseKeys
from streamroute.values import DeadLetter, RetryLater

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

    from servers import RealServer

KEYS = GroupKeys.of(STREAM, GROUP)


class Group:
    """The tests' group, operated by hand."""

    def __init__(self, client: Redis) -> None:
        self.client: Any = client
        self.storage = RedisStreamStorage(client, block=0.005)
        self._standings = GroupStatsReader(RedisConnection(client, Address("redis://tests"), ""), KEYS, GROUP)

    async def add(self, entry_id: str = "*") -> None:
        await self.client.xadd(STREAM, {"type": "t"}, id=entry_id)

    async def read(self) -> dict[str, Any]:
        return dict(await self.storage.read_events(STREAM, GROUP, "worker", 100))

    async def end(self, *outcomes: Any) -> None:
        """Read an entry and settle it with these outcomes."""
        held = await self.read()
        for message in held.values():
            message.delivery.outcomes = list(outcomes)
        await self.storage.settle(STREAM, GROUP, "worker", held)

    async def fetch(self) -> GroupStats:
        return await self._standings.fetch()

    async def lag(self, unread: int) -> int | None:
        """Return a group's lag, which servers report from Redis 7 on."""
        [group] = await self.client.xinfo_groups(STREAM)
        return unread if "lag" in group else None


@asynccontextmanager
async def working(client: Redis) -> AsyncIterator[Group]:
    group = Group(client)
    await group.storage.create_group(STREAM, GROUP)
    yield group


async def test_an_idle_group_reports_zeros(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        assert await group.fetch() == GroupStats(await group.lag(0), 0, 0, 0, 0.0, parked=0)


async def test_entries_are_unread_then_pending_then_gone(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        await group.add()
        await group.add()
        stands = await group.fetch()
        assert (stands.unread, stands.pending, stands.oldest) == (await group.lag(2), 0, 0)
        held = await group.read()
        stands = await group.fetch()
        assert (stands.unread, stands.pending) == (await group.lag(0), 2)
        await group.storage.settle(STREAM, GROUP, "worker", held)
        assert (await group.fetch()).pending == 0


async def test_the_age_of_what_is_pending_counts_from_when_it_was_produced(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        seconds, _ = await group.client.time()
        await group.add(f"{(seconds - 60) * 1000}-0")
        await group.read()
        age = (await group.fetch()).oldest
        assert age is not None
        assert 60 <= age < 120


async def test_the_age_of_an_entry_whose_id_is_no_time_is_not_known(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        await group.add("7-0")
        await group.read()
        stands = await group.fetch()
        assert (stands.pending, stands.oldest) == (1, None)


async def test_a_retry_is_scheduled_until_it_is_read_and_pending_until_it_is_settled(
    redis_client: Redis,
) -> None:
    async with working(redis_client) as group:
        await group.add()
        await group.end(RetryLater("r", 0, 2, "not now"))
        assert (await group.fetch()).scheduled == 1
        await group.storage.promote_due(STREAM, GROUP)
        assert (await group.fetch()).scheduled == 1
        held = await group.read()
        stands = await group.fetch()
        assert (stands.scheduled, stands.pending) == (0, 1)
        await group.storage.settle(STREAM, GROUP, "worker", held)
        stands = await group.fetch()
        assert (stands.scheduled, stands.pending) == (0, 0)


async def test_the_lease_in_force_is_the_longest_of_those_who_are_alive(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        assert (await group.fetch()).lease is None
        now = (await group.client.time())[0] * 1000
        workers = {
            "gone": f"{now - 1} 900000 ",
            "long": f"{now + 60_000} 90500 ",
            "short": f"{now + 60_000} 5000 ",
        }
        await group.client.hset(KEYS.workers, mapping=workers)
        assert (await group.fetch()).lease == 90.5


async def test_retries_and_entries_are_pending_together(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        await group.client.xgroup_create(STREAM, "another", id="0")
        for n in (1, 2, 3):
            await group.client.xadd(KEYS.retry, {"entry": "x"}, id=f"{n}-0")
        await group.client.xreadgroup(GROUP, "worker", {KEYS.retry: ">"}, count=2)
        await group.client.zadd(KEYS.due, {"a": 1, "b": 2})
        await group.add()
        await group.client.xreadgroup(GROUP, "worker", {STREAM: ">"}, count=1)
        stands = await group.fetch()
        assert (stands.pending, stands.scheduled) == (3, 3)


async def test_an_entry_of_the_first_time_that_counts_as_one_has_an_age(redis_client: Redis) -> None:
    for entry_id, is_known in ((10**12, True), (10**12 - 1, False), (10**15, True)):
        async with working(redis_client) as group:
            await group.add(f"{entry_id}-7")
            await group.read()
            age = (await group.fetch()).oldest
            now = (await group.client.time())[0]
            if entry_id > now * 1000:
                assert age == 0
            elif is_known:
                assert age is not None
                assert abs(age - (now - entry_id / 1000)) < 60
            else:
                assert age is None
            await group.client.flushall()


async def test_an_answer_that_is_refused_leaves_the_others_as_they_are(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        await group.add()
        await group.read()
        await group.client.delete(KEYS.retry)
        await group.client.set(KEYS.workers, "no hash")
        stands = await group.fetch()
        assert (stands.pending, stands.lease, stands.dead, stands.denied) == (None, None, 0, "")
        assert stands.oldest is not None


async def test_dead_letters_are_counted(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        await group.add()
        await group.end(DeadLetter("r", "no"))
        assert (await group.fetch()).dead == 1


async def test_a_missing_group_has_few_statistics(redis_client: Redis) -> None:
    assert await Group(redis_client).fetch() == GroupStats(dead=0, parked=0)


async def test_keys_of_the_wrong_type_are_not_known_and_the_rest_is(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        await group.client.set(KEYS.due, "no sorted set")
        await group.client.set(KEYS.dead, "no stream")
        assert await group.fetch() == GroupStats(await group.lag(0), 0, None, None, 0.0, parked=0)


async def test_what_is_paused_and_how_many_messages_are_parked(redis_client: Redis) -> None:
    pauses = PauseKeys.of(KEYS)
    circuit = '{"kind":"circuit","since":1,"until":2}'
    over = '{"kind":"manual","since":1,"until":2}'
    await redis_client.hset(
        pauses.paused, mapping={"a": circuit, "b": over, "c": "{", "": '{"kind":"manual","since":1}'}
    )
    await redis_client.zadd(pauses.parked, {"a|1": 0, "a|2": 0})
    stats = await Group(redis_client).fetch()
    assert (stats.paused, stats.parked) == ((("", "manual"), ("a", "circuit")), 2)


async def test_a_lag_that_the_server_has_lost_count_of_is_not_known(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        for n in range(1, 4):
            await group.add(f"{n}-0")
        await group.read()
        await group.client.execute_command("XGROUP", "SETID", STREAM, GROUP, "1-0")
        await group.client.xdel(STREAM, "2-0")
        assert (await group.fetch()).unread is None


async def test_a_user_with_fewer_rights_gets_fewer_statistics_with_the_reason(
    redis_client: Redis, redis_server: RealServer
) -> None:
    async with working(redis_client) as group:
        await group.add()
        lag = await group.lag(1)
    redis_server.command("ACL", "SETUSER", "blind", "reset", "on", "nopass", "allkeys", "+@all", "-zcard")
    try:
        async with new_client(f"unix://blind@{redis_server.socket_path}") as client:
            stands = await Group(client).fetch()
    finally:
        redis_server.command("ACL", "DELUSER", "blind")
    assert (stands.unread, stands.scheduled, stands.dead) == (lag, None, 0)
    assert "zcard" in stands.denied.lower()


async def test_a_server_that_is_away_is_an_error() -> None:
    async with new_client("redis://127.0.0.1:1/0") as client:
        with pytest.raises(RedisUnavailableError, match="refuses the connection"):
            await Group(client).fetch()
