"""What waits for some routes: delayed retries, due ones, and dead letters, counted on real servers."""

from __future__ import annotations

from typing import Any

import pytest
from redis.asyncio import Redis

from backends import KEYS
from consuming import GROUP
from servers import free_port
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.parked_names import parked_name
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.redis.connection import new_client
from streamroute.adapters.stream.publishers import connection_of
from streamroute.adapters.stream.unfinished import UnfinishedWork, waiting_for
from streamroute.errors import RedisUnavailableError, SetupError
from streamroute.keys import PauseKeys
from streamroute.message import Message
from streamroute.values import DeadLetter

ROUTES = {"thank", "bill"}


class Waiting:
    """The tests' group, with retries and dead letters written by hand."""

    def __init__(self, client: Redis) -> None:
        self.client: Any = client

    async def delay(self, number: int, *routes: str) -> None:
        record = RetryRecord(f"{number}-0", frozenset(routes), 2, {})
        await self.client.zadd(KEYS.due, {record.name: number})
        await self.client.hset(KEYS.delayed, record.name, record.pack())

    async def park(self, number: int, route: str) -> None:
        name = parked_name(route, f"{number}-0", f"{number}-0|{route}|1")
        await self.client.zadd(PauseKeys.of(KEYS).parked, {name: 0})

    async def promote(self, *routes: str) -> None:
        record = RetryRecord("1-0", frozenset(routes), 2, {})
        await self.client.xadd(KEYS.retry, {"name": record.name, "entry": record.pack()})

    async def bury(self, route: str | None, *routes: str, stream: str = KEYS.stream) -> None:
        message = Message({}, id="1-0", stream=stream, group=GROUP, routes=frozenset(routes))
        await self.client.xadd(KEYS.dead, DeadRecord.of(message, DeadLetter(route, "no")).write())

    async def count(self, **limits: int) -> UnfinishedWork:
        return await waiting_for(connection_of(self.client), KEYS, GROUP, ROUTES, **limits)


@pytest.fixture
def group(redis_client: Redis) -> Waiting:
    return Waiting(redis_client)


async def test_nothing_waits_in_an_empty_group(group: Waiting) -> None:
    work = await group.count()
    assert (work.routes, work.is_complete) == ([], True)


async def test_retries_and_dead_letters_are_counted_by_route(group: Waiting) -> None:
    await group.park(1, "thank")
    await group.park(2, "other")
    await group.delay(2, "bill", "other", "thank")
    await group.delay(3, "other")
    await group.delay(4)
    await group.promote("thank")
    await group.promote("other")
    await group.client.xadd(KEYS.retry, {"odd": "thank"})
    await group.bury("bill")
    await group.bury(None, "bill", "thank")
    await group.bury(None)
    await group.bury("bill", stream="another")
    await group.client.xadd(KEYS.dead, {"odd": "bill"})
    work = await group.count()
    assert work.retries == {"thank": 3, "bill": 1}
    assert work.dead_letters == {"bill": 2, "thank": 1}
    assert (work.routes, work.is_complete) == (["bill", "thank"], True)


async def test_each_of_many_is_counted_once(group: Waiting) -> None:
    for number in range(250):
        await group.delay(number, "thank")
        await group.promote("thank")
        await group.bury("bill")
    work = await group.count()
    assert (work.retries, work.dead_letters) == ({"thank": 500}, {"bill": 250})


@pytest.mark.parametrize("many", ["delay", "promote", "bury"])
async def test_a_count_ends_at_its_limit_and_says_so(group: Waiting, many: str) -> None:
    for number in range(101):
        await (group.delay(number, "thank") if many == "delay" else getattr(group, many)("thank"))
    work = await group.count(limit=100)
    assert work.routes == ["thank"]
    assert not work.is_complete
    assert (await group.count(limit=1000)).is_complete


@pytest.mark.parametrize("key", [KEYS.due, KEYS.retry, KEYS.dead])
async def test_a_key_of_the_wrong_type_is_an_error_of_the_setup(group: Waiting, key: str) -> None:
    await group.client.set(key, "a string")
    with pytest.raises(SetupError):
        await group.count()


async def test_a_server_that_is_away_is_unavailable() -> None:
    async with new_client(f"redis://127.0.0.1:{free_port()}") as client:
        with pytest.raises(RedisUnavailableError):
            await Waiting(client).count()
