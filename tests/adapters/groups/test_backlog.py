"""A group's backlog of a stream: unread, pending, scheduled or promoted; on real servers."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from consuming import GROUP, STREAM, eventually
from streamroute.adapters.entries.parked_names import parked_name
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.adapters.groups.backlog import Backlog
from streamroute.adapters.pauses.store import PauseStore
from streamroute.adapters.redis.connection import RedisConnection, new_client
from streamroute.adapters.redis.scripts import script
from streamroute.adapters.stream.publishers import connection_of
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.adapters.urls.url import Address
from streamroute.errors import RedisUnavailableError, SetupError
from streamroute.keys import GroupKeys, PauseKeys
from streamroute.values import DeadLetter, RetryLater

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis.asyncio import Redis

KEYS = GroupKeys.of(STREAM, GROUP)
PAUSES = PauseKeys.of(KEYS)
END = "99999999999999-0"


class Group:
    """The tests' group, operated by hand."""

    def __init__(self, client: Redis) -> None:
        self.client: Any = client
        self.storage = RedisStreamStorage(client, block=0.005)
        self.backlog = Backlog(RedisConnection(client, Address("redis://tests"), ""), STREAM, GROUP)

    async def add(self, entry_id: str = "*") -> str:
        added: bytes = await self.client.xadd(STREAM, {"type": "t"}, id=entry_id)
        return added.decode()

    async def read(self) -> dict[str, Any]:
        return dict(await self.storage.read_events(STREAM, GROUP, "worker", 100))

    async def settle(self, held: dict[str, Any]) -> None:
        await self.storage.settle(STREAM, GROUP, "worker", held)

    async def remains(self, upto: str = END) -> bool:
        return await self.backlog.remains(upto)


@asynccontextmanager
async def working(client: Redis) -> AsyncIterator[Group]:
    group = Group(client)
    await group.storage.create_group(STREAM, GROUP)
    yield group


async def test_an_entry_is_left_until_it_is_acknowledged(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        assert not await group.remains()
        await group.add()
        assert await group.remains()
        held = await group.read()
        assert await group.remains()
        await group.settle(held)
        assert not await group.remains()


async def test_a_retry_is_left_through_every_place_that_it_waits_in(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        await group.add()
        held = await group.read()
        for message in held.values():
            message.delivery.outcomes = [RetryLater("route", 0.05, 2, "not now")]
        await group.settle(held)
        assert await redis_client.hlen(KEYS.delayed) == 1
        assert await group.remains()
        await eventually(lambda: promoted(group))
        assert await redis_client.hlen(KEYS.delayed) == 0
        assert await group.remains()
        held = await group.read()
        assert await group.remains()
        await group.settle(held)
        assert not await group.remains()


async def promoted(group: Group) -> bool:
    await group.storage.promote_due(STREAM, GROUP)
    return bool(await group.client.xlen(KEYS.retry))


async def test_a_dead_letter_is_not_left(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        await group.add()
        held = await group.read()
        for message in held.values():
            message.delivery.outcomes = [DeadLetter("route", "it failed")]
        await group.settle(held)
        assert await redis_client.xlen(KEYS.dead) == 1
        assert not await group.remains()


@pytest.mark.parametrize(
    ("upto", "left"),
    [("9-9", False), ("10-1", False), ("10-2", True), ("10-18446744073709551615", True), ("11-0", True)],
)
@pytest.mark.parametrize("place", ["unread", "pending", "delayed", "promoted"])
async def test_entries_after_the_last_id_are_ignored(
    redis_client: Redis, place: str, upto: str, left: bool
) -> None:
    """Ids are two 64-bit numbers each, and are ordered as such."""
    async with working(redis_client) as group:
        if place in {"unread", "pending"}:
            await group.add("10-2")
        if place == "pending":
            await group.read()
        record = RetryRecord("10-2", frozenset(["route"]), 2, {b"type": b"t"})
        if place == "delayed":
            await script("retries/schedule").run(
                redis_client, [KEYS.due, KEYS.delayed], [record.name, 0, record.pack()]
            )
        if place == "promoted":
            await group.client.xadd(KEYS.retry, {"name": record.name, "entry": record.pack()})
        assert await group.remains(upto) is left


async def test_many_later_retries_hide_no_earlier_one(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        later = {f"20-{n}|route|2": b"" for n in range(2000)}
        await group.client.hset(KEYS.delayed, mapping=later)
        for n in range(1200):
            await group.client.xadd(KEYS.retry, {"name": f"21-{n}|route|2", "entry": b""})
        assert not await group.remains("19-0")
        await group.client.xadd(KEYS.retry, {"name": "18-0|route|2", "entry": b""})
        assert await group.remains("19-0")
        await group.client.xtrim(KEYS.retry, maxlen=0, approximate=False)
        await group.client.hset(KEYS.delayed, "18-0|route|2", b"")
        assert await group.remains("19-0")


async def test_an_entry_that_was_deleted_unread_is_not_left(redis_client: Redis) -> None:
    """The group's lag is unknown then; existing entries are found by reading."""
    async with working(redis_client) as group:
        await group.add("5-0")
        await group.add("6-0")
        await group.read()
        await group.settle(await group.read())
        await group.client.xack(STREAM, GROUP, "5-0", "6-0")
        await group.add("7-0")
        await group.add("8-0")
        await group.client.xdel(STREAM, "7-0")
        assert not await group.remains("7-0")
        assert await group.remains("8-0")


@pytest.mark.parametrize("state", ["paused", "circuit", "over", "damaged", "resumed", "denied"])
async def test_a_parked_message_is_left_once_it_returns(
    redis_client: Redis, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A drain does not wait for the end of a pause, but for what returns after it."""
    pauses = {
        "paused": '{"kind": "manual", "since": 1}',
        "circuit": '{"kind": "circuit", "since": 1, "until": 5, "for": 60000}',
        "over": '{"kind": "manual", "since": 1, "until": 5}',
        "damaged": "{",
    }
    async with working(redis_client) as group:
        if state == "denied":
            await group.client.set(PAUSES.paused, "mine")
        if state in pauses:
            await group.client.hset(PAUSES.paused, "a|b%", pauses[state])
        await group.client.zadd(PAUSES.parked, {"": 0, "a": 0, b"\xff": 0})
        for number in (7, 20):
            name = parked_name("a|b%", f"{number}-0", f"{number}-0|a|b%|1")
            await group.client.zadd(PAUSES.parked, {name: 0})
        is_paused = state in ("paused", "circuit")
        assert await group.remains("10-0") is not is_paused
        assert ("what is paused in bot_events is left" in caplog.text) is is_paused
        caplog.clear()
        assert not await group.remains("6-9")
        assert not caplog.text


async def test_a_paused_stream_is_not_waited_for(
    redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    async with working(redis_client) as group:
        await PauseStore(connection_of(redis_client), KEYS).pause("", "a migration", "ann")
        assert not await group.remains()
        assert not caplog.text
        await group.add()
        assert not await group.remains()
        assert "`streamroute paused` shows it" in caplog.text
        await PauseStore(connection_of(redis_client), KEYS).resume("")
        assert await group.remains()


async def test_without_its_group_every_entry_is_backlog(redis_client: Redis) -> None:
    async with working(redis_client) as group:
        await group.client.delete(STREAM)
        assert await group.remains()
        await group.add()
        assert await group.remains()


async def test_a_key_that_is_no_stream_is_a_refusal(redis_client: Redis) -> None:
    group = Group(redis_client)
    await redis_client.set(STREAM, "text")
    with pytest.raises(SetupError, match=r"checking the backlog of bot_events failed.*WRONGTYPE"):
        await group.remains()


async def test_an_unreachable_server_is_reported() -> None:
    async with new_client("unix:///nowhere/socket") as client:
        with pytest.raises(RedisUnavailableError, match="no socket there"):
            await Group(client).remains()
