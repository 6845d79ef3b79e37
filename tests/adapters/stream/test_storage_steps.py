"""A Redis storage step by step: its reports, its commands and its memory."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from backends import KEYS
from consuming import GROUP, STREAM
from messages import message_of
from scripted import ME, OTHER, Scripted
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.incidents import Incident, Incidents
from streamroute.keys import GroupKeys
from streamroute.message import Message
from streamroute.values import Quotas, RetryLater


class Storing(Scripted):
    """A storage, with a record of its incidents."""

    def __init__(self, client: Redis) -> None:
        super().__init__(client)
        self.reported: list[tuple[str, Incident, int]] = []

    def storage(self, **settings: Any) -> RedisStreamStorage:
        """Return a storage of the tests' stream."""
        incidents = Incidents(lambda *what: self.reported.append(what))
        known: dict[str, Any] = {"block": 0.005, "incidents": incidents}
        return RedisStreamStorage(self.client, **(known | settings))

    async def reads(self, storage: RedisStreamStorage, count: int = 1000) -> dict[str, Message]:
        return dict(await storage.read_events(STREAM, GROUP, ME, count))  # type: ignore[arg-type]  # all are messages

    async def calls(self, command: str) -> int:
        """Return how often the server has run a command since ``count_anew``."""
        stats = await self.client.info("commandstats")
        return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))

    async def count_anew(self) -> None:
        await self.client.config_resetstat()


@pytest.fixture
def group(redis_client: Redis) -> Storing:
    return Storing(redis_client)


def default(made: Callable[..., Any], name: str) -> Any:
    """Return a parameter's default value."""
    return inspect.signature(made).parameters[name].default


def test_default_settings_are_the_documented_ones() -> None:
    for made, block in ((RedisStreamStorage, 0.5), (MemoryStreamStorage, 2.0)):
        assert (default(made, "codec"), default(made, "lease")) == ("json", 60.0)
        assert (default(made, "block"), default(made, "trim")) == (block, None)
    assert (default(RedisStreamStorage, "forget_consumers"), RedisStreamStorage.blocks) == (3600.0, True)


@pytest.mark.parametrize(
    ("settings", "tick", "stall"),
    [({}, 10.0, 300.0), ({"lease": 1.5}, 0.25, 7.5), ({"lease": 1.5, "stall": 4.0}, 0.25, 4.0)],
)
def test_heartbeats_have_the_lease_of_the_storage(settings: Any, tick: float, stall: float) -> None:
    keeper = RedisStreamStorage(Redis(), **settings).lease_keeper(
        *(STREAM, GROUP, ME), held=dict, lost=lambda lost: None
    )
    assert (keeper.tick, keeper.stall) == (tick, stall)


class TestGroups:
    """Creating groups, also again."""

    async def test_a_new_group_is_no_incident(self, group: Storing) -> None:
        storage = group.storage()
        for name in (GROUP, "mailing"):
            for stream in (STREAM, "others"):
                await storage.create_group(stream, name)
                await storage.create_group(stream, name)
        assert group.reported == []

    async def test_a_deleted_group_is_reported_once(self, group: Storing) -> None:
        storage = group.storage()
        await storage.create_group(STREAM, GROUP)
        await group.client.xgroup_destroy(STREAM, GROUP)
        for _ in range(2):
            await storage.create_group(STREAM, GROUP)
        assert group.reported == [(STREAM, Incident.GROUP_RECREATED, 1)]
        await group.client.xgroup_destroy(KEYS.retry, GROUP)
        for _ in range(2):
            await storage.create_group(STREAM, GROUP)
        assert group.reported == [(STREAM, Incident.GROUP_RECREATED, 1)] * 2

    async def test_a_group_without_a_retry_stream_is_not_lost_to_a_new_worker(self, group: Storing) -> None:
        await group.create_group()
        await group.storage().create_group(STREAM, GROUP)
        assert group.reported == []

    async def test_a_recreated_group_is_detected_by_its_watermark(self, group: Storing) -> None:
        storage = group.storage()
        await storage.create_group(STREAM, GROUP)
        await group.add("1-0", "2-0")
        held = await group.reads(storage)
        await storage.settle(STREAM, GROUP, ME, held)
        await group.run("groups/save_watermark", [KEYS.stream, KEYS.meta], GROUP)
        await group.client.xgroup_destroy(STREAM, GROUP)
        await group.storage().create_group(STREAM, GROUP)
        assert group.reported == [(STREAM, Incident.GROUP_RECREATED, 1)]
        assert await group.reads(storage) == {}

    async def test_a_recreated_group_is_reported_once(self, group: Storing) -> None:
        storage = group.storage()
        keeper = storage.lease_keeper(STREAM, GROUP, ME, held=dict, lost=lambda lost: None)
        await storage.create_group(STREAM, GROUP)
        await group.add("5-0")
        await storage.settle(STREAM, GROUP, ME, await group.reads(storage))
        await keeper.beat(lambda key: raw_client(group.client, key), lambda function: function(), 0)
        await group.client.delete(STREAM, KEYS.meta)
        await group.add("1-1")
        await storage.create_group(STREAM, GROUP)
        await keeper.beat(lambda key: raw_client(group.client, key), lambda function: function(), 0)
        assert group.reported == [(STREAM, Incident.GROUP_RECREATED, 1)]

    async def test_a_refusal_is_not_mistaken_for_an_existing_group(self, group: Storing) -> None:
        await group.client.config_set("maxmemory", "1")
        try:
            with pytest.raises(ResponseError, match="maxmemory"):
                await group.storage().create_group(STREAM, GROUP)
        finally:
            await group.client.config_set("maxmemory", "0")


class TestMoving:
    """Whether a watermark is to be written."""

    async def test_reading_and_settling_move_the_groups_watermark(self, group: Storing) -> None:
        storages = [group.storage() for _ in range(3)]
        keepers = [one.lease_keeper(STREAM, GROUP, ME, held=dict, lost=lambda lost: None) for one in storages]
        await storages[0].create_group(STREAM, GROUP)
        await group.reads(storages[2])
        assert [keeper.is_due(-1.0) for keeper in keepers] == [False, False, False]
        await group.add("1-0")
        held = await group.reads(storages[0])
        await storages[1].settle(STREAM, GROUP, ME, held)
        assert [keeper.is_due(-1.0) for keeper in keepers] == [True, True, False]


class TestDeleted:
    """Deletions are reported with their size."""

    async def test_entries_and_retries_that_were_deleted_while_pending(
        self, group: Storing, caplog: pytest.LogCaptureFixture
    ) -> None:
        storage = group.storage()
        await storage.create_group(STREAM, GROUP)
        for key, ids in ((STREAM, ("1-0", "2-0", "3-0")), (KEYS.retry, ("4-0", "5-0"))):
            await group.add(*ids, stream=key)
            for entry_id in ids:
                await group.hold(entry_id, OTHER, 1, 50_000, stream=key)
            await group.client.xdel(key, *ids[:-1])
        await group.client.hdel(KEYS.workers, OTHER)
        claimed = await storage.claim_within(STREAM, GROUP, ME, 10_000, 10, Quotas(0, {}))
        assert [name for name, _ in claimed.entries] == ["5-0@retry", "3-0"]
        assert group.reported == [(STREAM, Incident.DELETED, 1), (STREAM, Incident.DELETED, 2)]
        assert f"1 entries of {KEYS.retry} were deleted while they were pending: 4-0" in caplog.text
        assert f"2 entries of {STREAM} were deleted while they were pending: 1-0, 2-0" in caplog.text

    async def test_retries_that_were_deleted_while_they_waited(self, group: Storing) -> None:
        storage = group.storage()
        await storage.create_group(STREAM, GROUP)
        await group.schedule(a=-3, b=-2, c=-1)
        await group.client.hdel(KEYS.delayed, "a", "c")
        await storage.promote_due(STREAM, GROUP)
        assert group.reported == [(STREAM, Incident.DELETED, 2)]

    async def test_retries_that_lost_their_due_time(self, group: Storing) -> None:
        storage = group.storage()
        await storage.create_group(STREAM, GROUP)
        await group.schedule(a=600_000, b=600_000, c=600_000)
        await group.client.delete(KEYS.due)
        assert await storage.promote_due(STREAM, GROUP) == 0.0
        assert group.reported == [(STREAM, Incident.RESTORED, 3)]
        assert await storage.promote_due(STREAM, GROUP) is None
        assert len(await group.ids(KEYS.retry)) == 3

    async def test_a_promotion_returns_the_next_due_time(self, group: Storing) -> None:
        storage = group.storage()
        await group.schedule(a=-1, b=90_000)
        wait = await storage.promote_due(STREAM, GROUP)
        assert wait is not None
        assert 80 < wait <= 90


class TestAcking:
    """Acknowledging several ids, under one fence."""

    async def test_no_entry_is_looked_up_while_its_lease_lasts(self, group: Storing) -> None:
        storage = group.storage()
        await storage.create_group(STREAM, GROUP)
        await group.add("1-0", "2-0")
        held = await group.reads(storage)
        await group.count_anew()
        assert list((await storage.settle(STREAM, GROUP, ME, held)).lost) == []
        assert (await group.calls("xpending"), await group.calls("xack")) == (0, 1)

    @pytest.mark.parametrize("deliveries", [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)])
    async def test_late_entries_are_acked_by_the_delivery_that_they_are_held_since(
        self, group: Storing, deliveries: tuple[int, int]
    ) -> None:
        storage = group.storage()
        await storage.create_group(STREAM, GROUP)
        ids = ("1-0", "2-0")
        await group.add(*ids)
        await group.read()
        held = {}
        for entry_id, count in zip(ids, deliveries, strict=True):
            await group.hold(entry_id, ME, count)
            held[entry_id] = message_of({}, id=entry_id, stream=STREAM, deliveries=count)
        assert list((await storage.settle(STREAM, GROUP, ME, held)).lost) == []
        assert await group.pending() == []

    @pytest.mark.parametrize("stale", [0, 1])
    async def test_a_late_entry_of_another_delivery_is_lost_and_the_others_are_acked(
        self, group: Storing, stale: int
    ) -> None:
        storage = group.storage()
        await storage.create_group(STREAM, GROUP)
        ids = ("1-0", "2-0")
        await group.add(*ids)
        await group.read()
        for entry_id in ids:
            await group.hold(entry_id, ME, 2)
        counts = [2, 2]
        counts[stale] = 1
        held = {
            name: message_of({}, id=name, stream=STREAM, deliveries=count)
            for name, count in zip(ids, counts, strict=True)
        }
        assert list((await storage.settle(STREAM, GROUP, ME, held)).lost) == [ids[stale]]
        assert [row.entry_id for row in await group.pending()] == [ids[stale]]

    async def test_many_are_acked_in_steps_and_none_is_left_out(self, group: Storing) -> None:
        storage = group.storage()
        await storage.create_group(STREAM, GROUP)
        await group.client.eval("for n = 1, 1001 do redis.call('XADD', KEYS[1], n, 'a', 'b') end", 1, STREAM)
        held = await group.reads(storage, 1001)
        await group.count_anew()
        await storage.settle(STREAM, GROUP, ME, held)
        assert await group.pending() == []
        assert await group.calls("xack") == 3

    async def test_an_ack_without_a_fence_is_for_entries_and_retries(self, group: Storing) -> None:
        storage = group.storage()
        await storage.create_group(STREAM, GROUP)
        for key in (STREAM, KEYS.retry):
            await group.add("1-0", "2-0", "3-0", stream=key)
            await group.read(stream=key)
        await storage.ack_events(STREAM, GROUP, ["1-0", "2-0@retry", "3-0@retry"])
        assert [row.entry_id for row in await group.pending()] == ["2-0", "3-0"]
        assert [row.entry_id for row in await group.pending(KEYS.retry)] == ["1-0"]
        assert (await group.ids(), await group.ids(KEYS.retry)) == (["1-0", "2-0", "3-0"], ["1-0"])
        await storage.ack_events(STREAM, GROUP, [])
        assert [row.entry_id for row in await group.pending()] == ["2-0", "3-0"]


class TestQuotas:
    """The arguments of the script."""

    @pytest.mark.parametrize(
        ("quotas", "taken", "held_back", "last_deliveries"),
        [
            (Quotas(0, {}), ["1-0", "2-0", "3-0"], 0, 0),
            (Quotas(4, {2: 0}, others=1), ["2-0"], 2, 1),
            (Quotas(4, {2: 1, 4: 0}), ["1-0", "2-0"], 1, 1),
            (Quotas(9, {}, others=0), [], 3, 0),
            (Quotas(9, {3: 1}, others=2), ["1-0", "2-0", "3-0"], 0, 0),
        ],
    )
    async def test_claims_respect_the_quota_of_each_delivery_number(
        self, group: Storing, quotas: Quotas, taken: list[str], held_back: int, last_deliveries: int
    ) -> None:
        storage = group.storage()
        await storage.create_group(STREAM, GROUP)
        await group.add("1-0", "2-0", "3-0")
        await group.read()
        for n in (1, 2, 3):
            await group.hold(f"{n}-0", OTHER, n, 50_000)
        claimed = await storage.claim_within(STREAM, GROUP, ME, 10_000, 10, quotas)
        assert [name for name, _ in claimed.entries] == taken
        assert (claimed.held_back, claimed.last_deliveries) == (held_back, last_deliveries)


async def test_a_group_that_cannot_be_read_yet_is_looked_at_every_second(
    group: Storing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More often if reads block for less."""
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    old = GroupKeys.of(STREAM, "mailer")
    await group.create_group(group="mailer")
    await group.client.hset(old.workers, "old one", f"{await group.now() + 60_000} 60000 ")
    for block in (0.05, 30):
        storage = group.storage(formerly_group="mailer", block=block)
        await storage.create_group(STREAM, GROUP)
        with monkeypatch.context() as patch:
            patch.setattr(asyncio, "sleep", pause)
            assert await group.reads(storage) == {}
        claimed = await storage.claim_within(STREAM, GROUP, ME, 0, 10, Quotas(0, {}))
        assert (claimed.entries, claimed.held_back, claimed.last_deliveries) == ([], 0, 0)
    assert [seconds for seconds in paused if seconds] == [0.05, 1.0]


async def test_more_retries_than_one_step_promotes_wait_for_the_next(group: Storing) -> None:
    await group.client.eval(
        "for n = 1, 101 do redis.call('ZADD', KEYS[1], n, n); redis.call('HSET', KEYS[2], n, 'x') end",
        *(2, KEYS.due, KEYS.delayed),
    )
    storage = group.storage()
    assert await storage.promote_due(STREAM, GROUP) == 0
    assert len(await group.ids(KEYS.retry)) == 100


async def test_a_claim_and_a_promotion_read_about_sixteen_mebibytes(group: Storing) -> None:
    storage = group.storage()
    await storage.create_group(STREAM, GROUP)
    for n in range(1, 6):
        await group.add(f"{n}-0", pad="x" * (4 * 1024 * 1024))
    await group.read()
    for n in range(1, 6):
        await group.hold(f"{n}-0", OTHER, 1, 50_000)
    first = await storage.claim_stale_events(STREAM, GROUP, ME, 10_000, 10)
    second = await storage.claim_stale_events(STREAM, GROUP, ME, 10_000, 10)
    assert [len(first), len(second)] == [4, 1]
    held: dict[str, Any] = dict(first + second)
    for message in held.values():
        message.delivery.outcomes = [RetryLater("thank", 0, 2, "no luck")]
    await storage.settle(STREAM, GROUP, ME, held)
    assert await storage.promote_due(STREAM, GROUP) == 0
    assert len(await group.ids(KEYS.retry)) == 4
