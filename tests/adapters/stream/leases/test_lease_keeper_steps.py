"""One heartbeat of a stream, step by step."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from backends import KEYS
from consuming import GROUP, STREAM
from scripted import ME, OTHER, Pending, Scripted
from streamroute.adapters.groups.live_workers import digest_of, pack_known_routes
from streamroute.adapters.groups.watermark import Watermarks
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.stream.leases.heartbeat import LoopIsClosedError
from streamroute.adapters.stream.leases.lease_keeper import RedisLeaseKeeper
from streamroute.delivery import Delivery
from streamroute.incidents import Incident, Incidents
from streamroute.keys import RELEASED
from streamroute.values import KnownRoutes, Lease

LEASE = 300.0
KNOWN = KnownRoutes(frozenset({"thank"}), frozenset({"booked"}))


class Keeping(Scripted):
    """A lease keeper, the entries it is to keep, and a record of its callbacks."""

    def __init__(self, client: Redis) -> None:
        super().__init__(client)
        self.held: dict[str, Delivery] = {}
        self.waiting: list[str] = []
        self.lost: list[tuple[str, int]] = []
        self.reported: list[tuple[Incident, str, int]] = []
        self.knows = KnownRoutes()
        self.generation = ""
        incidents = Incidents(lambda stream, incident, count: self.reported.append((incident, stream, count)))
        self.watermarks = Watermarks(incidents)
        self.keeper = RedisLeaseKeeper(
            *(client, KEYS, GROUP, ME),
            lease=Lease.of(LEASE),
            held=lambda: self.held,
            lost=self.lost.extend,
            waiting=lambda: self.waiting,
            known_routes=lambda: self.knows,
            generation=lambda: self.generation,
            watermarks=self.watermarks,
            incidents=incidents,
            batch=2,
        )

    def take(self, entry_id: str, deliveries: int = 1, key: str = STREAM) -> Delivery:
        """Have the worker hold an entry."""
        name = entry_id if key == STREAM else f"{entry_id}@retry"
        self.held[name] = Delivery(entry_id, key, deliveries, lease_confirmed_at=5)
        return self.held[name]

    async def beat(
        self, silence: float = 0.0, call: Callable[[Callable[[], None]], None] | None = None
    ) -> None:
        """Run one heartbeat, due or not."""
        self.keeper._due = 0.0
        await self.keeper.beat(
            lambda key: raw_client(self.client, key), call or (lambda function: function()), silence
        )

    async def beat_if_due(self) -> None:
        """Run one heartbeat as the thread does; leases that are not due are not renewed by time."""
        await self.keeper.beat(lambda key: raw_client(self.client, key), lambda function: function(), 0.0)

    def is_due_in(self, seconds: float) -> bool:
        """Whether it is due after this time."""
        return self.keeper.is_due(time.monotonic() + seconds)


@pytest.fixture
async def group(redis_client: Redis) -> Keeping:
    made = Keeping(redis_client)
    await made.create_group(STREAM, KEYS.retry)
    for key in (STREAM, KEYS.retry):
        await made.add("1-0", "2-0", "3-0", stream=key)
        for entry_id in ("1-0", "2-0", "3-0"):
            await made.hold(entry_id, ME, 1, 50_000, stream=key)
    return made


class TestConfirming:
    """Held entries."""

    async def test_entries_are_confirmed_in_the_stream_that_they_are_pending_in(self, group: Keeping) -> None:
        entry, retry = group.take("1-0"), group.take("2-0", key=KEYS.retry)
        before = await group.now()
        await group.beat()
        assert before <= entry.lease_confirmed_at <= retry.lease_confirmed_at <= await group.now()
        assert group.lost == []
        idle = {
            (key, entry_id): await group.idle(entry_id, key) < 50_000
            for key in (STREAM, KEYS.retry)
            for entry_id in ("1-0", "2-0")
        }
        assert idle == {
            (STREAM, "1-0"): True,
            (STREAM, "2-0"): False,
            (KEYS.retry, "1-0"): False,
            (KEYS.retry, "2-0"): True,
        }

    async def test_lost_leases_are_reported_with_their_delivery(self, group: Keeping) -> None:
        await group.hold("1-0", OTHER, 2)
        await group.hold("2-0", ME, 4)
        await group.hold("1-0", OTHER, 1, stream=KEYS.retry)
        older, newer, retry = group.take("1-0"), group.take("2-0", 3), group.take("1-0", key=KEYS.retry)
        kept = group.take("3-0")
        await group.beat()
        assert sorted(group.lost) == [("1-0", 1), ("1-0@retry", 1), ("2-0", 3)]
        assert [delivery.lease_confirmed_at == 5 for delivery in (older, newer, retry, kept)] == [
            True,
            True,
            True,
            False,
        ]

    async def test_each_of_many_entries_is_renewed_once(self, group: Keeping) -> None:
        deliveries = [group.take(f"{n}-0") for n in (1, 2, 3)]
        await group.client.config_resetstat()
        await group.beat()
        assert all(delivery.lease_confirmed_at > 5 for delivery in deliveries)
        stats = await group.client.info("commandstats")
        assert stats["cmdstat_xclaim"]["calls"] == 3

    async def test_a_worker_that_holds_nothing_is_alive(self, group: Keeping) -> None:
        await group.beat()
        until, lease, digest = (await group.hash(KEYS.workers))[ME].split(" ")
        assert 570_000 < int(until) - await group.now() <= 600_000
        assert (lease, digest) == ("300000", "")

    async def test_unchanged_routes_are_written_once(self, group: Keeping) -> None:
        group.knows = KNOWN
        await group.beat()
        digest = digest_of(KNOWN)
        assert (await group.hash(KEYS.workers))[ME].endswith(f" 300000 {digest}")
        assert await group.hash(KEYS.routes) == {digest: pack_known_routes(KNOWN).decode()}
        await group.client.config_resetstat()
        await group.beat()
        assert (await group.client.info("commandstats"))["cmdstat_hset"]["calls"] == 1  # the sign of life

    async def test_a_new_generation_is_saved_at_once(self, group: Keeping) -> None:
        await group.beat()
        assert not group.is_due_in(0)
        group.generation = "g1"
        assert group.is_due_in(0)
        await group.beat_if_due()
        assert not group.is_due_in(0)
        assert await group.hash(KEYS.generations) == {ME: "g1"}
        group.knows, group.generation = KNOWN, "g2"
        await group.beat_if_due()
        assert await group.hash(KEYS.generations) == {ME: "g2"}
        assert await group.hash(KEYS.routes) == {digest_of(KNOWN): pack_known_routes(KNOWN).decode()}

    async def test_a_new_generation_waits_while_heartbeats_fail(self, group: Keeping) -> None:
        await group.client.set(KEYS.workers, "a string")
        await group.beat()
        group.generation = "g1"
        assert not group.is_due_in(0)
        assert group.is_due_in(LEASE / 10)

    async def test_deleted_entries_are_reported(self, group: Keeping) -> None:
        if (await group.client.info("server"))["redis_version"].startswith("6."):
            pytest.skip("Redis 6.2 finds a deleted entry when it is claimed, and no sooner")
        await group.client.xdel(STREAM, "1-0", "2-0")
        for entry_id in ("1-0", "2-0", "3-0"):
            group.take(entry_id)
        await group.beat()
        assert group.reported == [(Incident.DELETED, STREAM, 2)]
        assert group.lost == []

    async def test_a_lease_keeper_removes_its_keys_on_close(self, group: Keeping) -> None:
        await group.beat()
        await group.keeper.leave(lambda key: raw_client(group.client, key))
        assert await group.hash(KEYS.workers) == {}


class TestDue:
    """When there is something to do."""

    async def test_the_loop_is_asked_six_times_per_lease(self, group: Keeping) -> None:
        assert (group.keeper.tick, group.keeper.stall) == (LEASE / 6, 5 * LEASE)

    async def test_a_beat_is_due_at_once_and_then_every_third_of_a_lease(self, group: Keeping) -> None:
        assert group.is_due_in(0)
        await group.beat()
        assert not group.is_due_in(LEASE / 3 - 10)
        assert group.is_due_in(LEASE / 3)

    async def test_a_beat_before_its_time_notes_the_watermark_alone(self, group: Keeping) -> None:
        await group.beat()
        group.watermarks.moved(KEYS, GROUP)
        assert group.is_due_in(0)
        delivery = group.take("1-0")
        await group.keeper.beat(lambda key: raw_client(group.client, key), lambda function: function(), 0)
        assert delivery.lease_confirmed_at == 5
        assert not group.is_due_in(0)
        assert await group.hash(KEYS.meta) == {"low": "1-0"}

    async def test_after_a_failure_the_next_beat_is_due_in_a_tenth_of_a_lease(
        self, group: Keeping, caplog: pytest.LogCaptureFixture
    ) -> None:
        await group.client.set(KEYS.workers, "a string")
        for _ in range(2):
            await group.beat()
        group.watermarks.moved(KEYS, GROUP)
        assert not group.is_due_in(0)
        assert not group.is_due_in(LEASE / 10 - 2)
        assert group.is_due_in(LEASE / 10)
        assert group.reported == [(Incident.OUTAGE, STREAM, 1)]
        assert "recovered" not in caplog.text
        await group.client.delete(KEYS.workers)
        for _ in range(2):
            await group.beat()
            assert caplog.text.count("recovered") == 1
        assert not group.is_due_in(LEASE / 10)

    async def test_an_ended_event_loop_is_not_a_failure(self, group: Keeping) -> None:
        await group.hold("1-0", OTHER, 2)
        group.take("1-0")

        def closed(function: Callable[[], None]) -> None:
            raise LoopIsClosedError

        with pytest.raises(LoopIsClosedError):
            await group.beat(call=closed)
        assert group.reported == []


class TestSilence:
    """An event loop that does not respond."""

    @pytest.fixture(autouse=True)
    def holding(self, group: Keeping) -> None:
        """Hold three entries, of which one runs, and a waiting retry."""
        for entry_id in ("1-0", "2-0", "3-0"):
            group.take(entry_id)
        group.take("1-0", key=KEYS.retry)
        group.waiting = ["2-0", "3-0", "1-0@retry", "not held"]

    async def released(self, group: Keeping) -> list[tuple[str, Pending]]:
        return [
            (key, row)
            for key in (STREAM, KEYS.retry)
            for row in await group.pending(key)
            if row.consumer == RELEASED
        ]

    async def test_unstarted_entries_are_offered_to_others_once(
        self, group: Keeping, caplog: pytest.LogCaptureFixture
    ) -> None:
        await group.beat(silence=LEASE)
        assert (await self.released(group), group.lost) == ([], [])
        await group.beat(silence=LEASE + 0.1)
        assert await self.released(group) == [
            (STREAM, Pending("2-0", RELEASED, 0)),
            (STREAM, Pending("3-0", RELEASED, 0)),
            (KEYS.retry, Pending("1-0", RELEASED, 0)),
        ]
        assert set(group.lost) == {("2-0", 1), ("3-0", 1), ("1-0@retry", 1)}
        assert "3 entries of bot_events that did not start go to other workers" in caplog.text

    async def test_entries_are_released_again_only_in_the_next_silence(
        self, group: Keeping, caplog: pytest.LogCaptureFixture
    ) -> None:
        message = "that did not start go to other workers"
        await group.beat(silence=LEASE + 0.1)
        await group.beat(silence=LEASE + 5)
        assert caplog.text.count(message) == 1
        await group.beat(silence=0)
        await group.beat(silence=LEASE + 0.1)
        assert caplog.text.count(message) == 2

    async def test_a_stall_without_unstarted_entries_is_not_logged(
        self, group: Keeping, caplog: pytest.LogCaptureFixture
    ) -> None:
        group.waiting = ["not held"]
        await group.beat(silence=LEASE + 0.1)
        assert (await self.released(group), group.lost) == ([], [])
        assert "did not start" not in caplog.text

    async def test_a_stream_without_waiting_entries_is_not_queried(self, group: Keeping) -> None:
        group.waiting = ["2-0"]
        await group.client.config_resetstat()
        await group.beat(silence=LEASE + 0.1)
        stats = await group.client.info("commandstats")
        assert stats["cmdstat_xclaim"]["calls"] == 1 + 3  # one is released, and the others are renewed


async def test_a_longer_lease_applies_at_once_and_a_shorter_one_after_it_expired(
    group: Keeping, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def others(**leases: int) -> None:
        now = await group.now()
        await group.client.delete(KEYS.workers)
        for name, lease in leases.items():
            await group.client.hset(KEYS.workers, name, f"{now + 60_000} {lease} ")
        await group.beat()

    def reported() -> list[str]:
        message = [one for one in caplog.messages if "the lease in force" in one]
        caplog.clear()
        return [one.split(" is ", 1)[1] for one in message]

    await others(shorter=10_000, equal=300_000)
    assert reported() == []
    await others(longer=600_000)
    await others(longer=600_000)
    assert reported() == ["10m, as long as longer is alive; here it is 5m"]
    await others(longest=3_600_000, longer=600_000)
    assert reported() == ["1h, as long as longest is alive; here it is 5m"]
    for _ in range(2):
        await others(longer=600_000)
    assert reported() == ["10m, as long as longer is alive; here it is 5m"]
    await others(shorter=10_000)
    assert reported() == []
    await others(longer=600_000)
    assert reported() == ["10m, as long as longer is alive; here it is 5m"]


@pytest.mark.parametrize("key", [KEYS.workers, KEYS.routes, KEYS.generations, KEYS.meta])
async def test_a_key_of_the_wrong_type_is_named_with_what_to_do(
    group: Keeping, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    group.knows = KNOWN
    await group.client.set(key, "a string")
    for _ in range(2):
        await group.beat()
    remedy = f"the key {key} is a string, and streamroute needs a hash there; rename or delete it"
    assert caplog.messages == [f"confirming leases of {STREAM} failed; retrying: {remedy}"]
    assert group.reported == [(Incident.OUTAGE, STREAM, 1)]
    await group.client.delete(key)
    await group.beat()
    [message] = caplog.messages[1:]
    assert message.startswith(f"confirming leases of {STREAM} recovered after 2 failures")
