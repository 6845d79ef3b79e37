"""The in-memory storage step by step, on a clock moved by hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from consuming import GROUP, STREAM
from jumping import run_jumping, takes_turns
from streamroute.adapters.codecs.builtin import FieldsCodec
from streamroute.adapters.memory.retry_scheduler import MemoryRetryScheduler
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.delivery import Delivery
from streamroute.errors import StreamrouteError
from streamroute.message import Message
from streamroute.values import (
    DeadLetter,
    DedupeDecision,
    DedupeLock,
    KnownRoutes,
    Lease,
    Outcome,
    Quotas,
    RetryLater,
    RouteWait,
)

ONE, TWO = (STREAM, GROUP, "one"), (STREAM, GROUP, "two")


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Stream:
    """A storage with a group that one worker reads."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.storage = MemoryStreamStorage(clock=self.clock, **({"block": 0.0} | settings))

    def add(self, count: int = 1) -> list[str]:
        """Produce entries, a millisecond apart."""
        ids = []
        for _ in range(count):
            ids.append(self.storage.add(STREAM, {"type": "booked"}))
            self.clock.now += 0.001
        return ids

    async def begin(self, count: int = 0, *, group: str = GROUP) -> dict[str, Message]:
        """Create the group, and read this many new entries."""
        await self.storage.create_group(STREAM, group)
        self.add(count)
        return await self.read(group=group) if count else {}

    async def read(
        self, count: int = 100, *, consumer: str = "one", group: str = GROUP
    ) -> dict[str, Message]:
        return dict(await self.storage.read_events(STREAM, group, consumer, count))  # type: ignore[arg-type]  # all are messages

    async def settle(self, messages: dict[str, Message], *outcomes: Outcome) -> Any:
        """Settle these, each with the outcomes."""
        for message in messages.values():
            message.delivery.outcomes = list(outcomes)
        return await self.storage.settle(*ONE, messages)

    async def claim(self, idle: int = 0, count: int = 100, quotas: Quotas | None = None) -> Any:
        return await self.storage.claim_within(*TWO, idle, count, quotas or Quotas(0, {}))

    async def retried(self, count: int) -> dict[str, Message]:
        """Read this many entries, fail them, and read their retries."""
        await self.settle(await self.begin(count), RetryLater("thank", 0, 2, "no luck"))
        await self.storage.promote_due(STREAM, GROUP)
        return await self.read()

    def pending(self, group: str = GROUP) -> list[str]:
        return self.storage.pending(STREAM, group)

    def left(self) -> int:
        """Return the stream's length, as seen by a new group."""
        return self.storage.unread(STREAM, "somebody new")


class TestSettings:
    """The constructor's settings."""

    async def test_the_defaults_match_the_redis_storage_or_are_documented(self) -> None:
        storage = MemoryStreamStorage()
        assert (storage.lease, storage.block) == (Lease.of(60.0), 2.0)
        assert (storage.trim, storage.trimmed) == (None, 0)
        assert (storage.blocks, storage.refuse) == (True, None)

    async def test_a_codec_is_given_by_its_name_or_as_it_is(self) -> None:
        codec = FieldsCodec()
        assert MemoryStreamStorage(codec=codec).codec is codec
        assert isinstance(MemoryStreamStorage(codec="fields").codec, FieldsCodec)

    async def test_dead_letters_go_to_the_configured_stream(self) -> None:
        stream = Stream(dead_letter="graveyard")
        [entry_id] = held = await stream.begin(1)
        await stream.settle(held, DeadLetter("thank", "no"))
        assert [letter.id for letter in stream.storage.dead_letters(STREAM, GROUP)] == [entry_id]
        assert stream.storage.unread("graveyard", "anybody") == 1


class TestProducing:
    """Entries, added or published."""

    async def test_an_entry_is_bytes_and_has_the_time_as_its_id(self) -> None:
        stream = Stream()
        assert stream.storage.add(STREAM, {"type": "booked"}) == "1000000-0"
        assert stream.storage.add(STREAM, {b"type": b"\xff"}) == "1000000-1"
        await stream.begin()
        text, raw = (await stream.read()).values()
        assert (text.fields, raw.fields) == ({b"type": b"booked"}, {b"type": b"\xff"})

    async def test_the_first_ids_are_the_lowest_that_there_are(self) -> None:
        """On a clock at 0 or below."""
        for now in (0.0, -5.0):
            stream = Stream()
            stream.clock.now = now
            ids = [stream.storage.add(STREAM, {"type": "booked"}) for _ in range(2)]
            assert (ids, stream.left()) == (["0-1", "0-2"], 2)
            await stream.begin()
            assert list(await stream.read()) == ids

    async def test_published_messages_are_available_at_once_unless_delayed(self) -> None:
        stream = Stream()
        stream.storage.publish(STREAM, {"type": "now"})
        assert stream.left() == 1
        for n in range(2):
            stream.storage.publish(STREAM, {"type": f"later {n}"}, delay=0.5)
        assert stream.left() == 1
        assert await stream.storage.promote_due(STREAM, GROUP) == 0.5
        stream.clock.now += 0.25
        assert await stream.storage.promote_due(STREAM, GROUP) == 0.25
        assert stream.left() == 1
        stream.clock.now += 0.25
        assert await stream.storage.promote_due(STREAM, GROUP) is None
        await stream.begin()
        assert [message["type"] for message in (await stream.read()).values()] == [
            "now",
            "later 0",
            "later 1",
        ]

    async def test_due_messages_arrive_in_the_order_of_their_due_times(self) -> None:
        stream = Stream()
        for delay in (3, 1, 2):
            stream.storage.publish(STREAM, {"type": f"in {delay}"}, delay=delay)
        stream.clock.now += 3
        await stream.storage.promote_due(STREAM, GROUP)
        await stream.begin()
        assert [message["type"] for message in (await stream.read()).values()] == ["in 1", "in 2", "in 3"]

    async def test_a_retry_scheduler_publishes_after_a_minute(self) -> None:
        stream = Stream()
        scheduler = MemoryRetryScheduler(stream.storage)
        await scheduler.schedule_retry(STREAM, {"type": "booked"})
        assert scheduler.scheduled == [(STREAM, {"type": "booked"}, 60)]
        assert (await stream.storage.promote_due(STREAM, GROUP), stream.left()) == (60, 0)
        await scheduler.schedule_retry(STREAM, {"type": "booked"}, 0)
        assert stream.left() == 1


class TestReading:
    """New entries, and how long a read waits for them."""

    async def test_a_message_is_fresh_from_the_time_of_its_reading(self) -> None:
        stream = Stream()
        await stream.begin()
        stream.add()
        stream.clock.now = 1_234.5
        [message] = (await stream.read()).values()
        assert (message.delivery.lease_confirmed_at, message.deliveries) == (1_234_500, 1)

    async def test_a_read_brings_no_more_than_it_asks_for_and_nothing_twice(self) -> None:
        stream = Stream()
        await stream.begin()
        ids = stream.add(5)
        brought = [list(await stream.read(2)) for _ in range(4)]
        assert brought == [ids[:2], ids[2:4], ids[4:], []]
        assert stream.pending() == ids

    async def test_a_deleted_entry_is_neither_unread_nor_read(self) -> None:
        stream = Stream()
        await stream.begin()
        ids = stream.add(3)
        stream.storage.delete(STREAM, ids[1], "9-9")
        assert stream.storage.unread(STREAM, GROUP) == 2
        assert list(await stream.read()) == [ids[0], ids[2]]
        assert stream.storage.unread(STREAM, GROUP) == 0

    def test_a_read_waits_for_its_time_and_no_longer_than_for_an_entry(self) -> None:
        async def main() -> None:
            stream, loop = Stream(block=2.0), asyncio.get_running_loop()
            await stream.begin()
            assert (await stream.read(), loop.time()) == ({}, 2.0)
            loop.call_later(1.5, stream.add)
            assert (len(await stream.read()), loop.time()) == (1, 3.5)
            stream.add()
            assert (len(await stream.read()), loop.time()) == (1, 3.5)
            assert len(stream.storage._server.arrivals) == 0

        run_jumping(main())

    def test_every_read_that_waits_is_woken_by_an_entry(self) -> None:
        async def main() -> None:
            stream, loop = Stream(block=600.0), asyncio.get_running_loop()
            for group in (GROUP, "mailing"):
                await stream.begin(group=group)
            loop.call_later(1, stream.add)
            brought = await asyncio.gather(stream.read(), stream.read(group="mailing"))
            assert [len(read) for read in brought] == [1, 1]
            assert loop.time() == 1

        run_jumping(main())

    @pytest.mark.parametrize(
        "lose",
        [
            lambda storage: storage.clear(),
            lambda storage: storage.destroy_group(STREAM, GROUP),
        ],
    )
    def test_a_read_that_waits_ends_when_its_group_is_lost(
        self, lose: Callable[[MemoryStreamStorage], None]
    ) -> None:
        async def main() -> None:
            stream, loop = Stream(block=600.0), asyncio.get_running_loop()
            await stream.begin()
            loop.call_later(1, lose, stream.storage)
            with pytest.raises(StreamrouteError, match="NOGROUP"):
                await stream.read()
            assert loop.time() == 1

        run_jumping(main())

    async def test_retries_are_read_before_new_entries(self) -> None:
        stream = Stream()
        await stream.settle(await stream.begin(1), RetryLater("thank", 0, 2, "no luck"))
        stream.add()
        await stream.storage.promote_due(STREAM, GROUP)
        assert stream.storage.unread(STREAM, GROUP) == 2
        assert [message.attempt for message in (await stream.read()).values()] == [2, 1]
        assert [name.endswith("@retry") for name in stream.pending()] == [False, True]


class TestClaiming:
    """Entries abandoned by other consumers."""

    async def test_an_entry_is_idle_to_the_millisecond(self) -> None:
        stream = Stream()
        await stream.begin(1)
        stream.clock.now = 2_000.0
        await stream.claim()
        stream.clock.now += 1.499
        assert (await stream.claim(1_500)).entries == []
        stream.clock.now = 2_001.5
        [(_, message)] = (await stream.claim(1_500)).entries
        assert (message.deliveries, message.delivery.lease_confirmed_at) == (3, 2_001_500)

    async def test_retries_are_claimed_first_and_count_towards_the_limit(self) -> None:
        stream = Stream()
        retries = list(await stream.retried(2))
        new = stream.add(2)
        await stream.read()
        claimed = await stream.claim(count=3)
        assert [name for name, _ in claimed.entries] == [*retries, new[0]]
        assert (claimed.held_back, claimed.last_deliveries) == (0, 0)

    async def test_a_quota_is_for_retries_and_entries_together(self) -> None:
        stream = Stream()
        retries = list(await stream.retried(2))
        stream.add(2)
        await stream.read()
        claimed = await stream.claim(quotas=Quotas(2, {2: 3}))
        assert [name for name, _ in claimed.entries][:2] == retries
        assert (len(claimed.entries), claimed.held_back, claimed.last_deliveries) == (3, 1, 1)

    async def test_a_delivery_is_never_above_the_last_that_counts_and_one(self) -> None:
        stream = Stream()
        await stream.begin(1)
        counts = []
        for last in (0, 0, 3, 3, 2):
            [(_, message)] = (await stream.claim(quotas=Quotas(last, {}))).entries
            counts.append(message.deliveries)
        assert counts == [2, 3, 4, 4, 3]

    async def test_entries_behind_one_over_its_quota_are_claimed(self) -> None:
        stream = Stream()
        first, second = await stream.begin(2)
        [(taken, _)] = (await stream.claim(count=1)).entries
        assert taken == first
        claimed = await stream.claim(quotas=Quotas(5, {3: 0}))
        assert [name for name, _ in claimed.entries] == [second]
        assert (claimed.held_back, claimed.last_deliveries) == (1, 0)

    async def test_deleted_entries_are_reported_and_no_longer_pending(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        stream = Stream()
        ids = list(await stream.begin(4))
        stream.storage.delete(STREAM, ids[0], ids[2])
        assert [name for name, _ in (await stream.claim()).entries] == [ids[1], ids[3]]
        assert stream.pending() == [ids[1], ids[3]]
        reported = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert [message.split()[2] for message in reported] == [ids[0], ids[2]]


class TestSettling:
    """What is written, and what is refused."""

    async def test_refused_settlements_stay_pending_and_plain_acks_do_not(self) -> None:
        stream = Stream()
        first, second = held = await stream.begin(2)
        held[first].delivery.outcomes = [DeadLetter("thank", "no")]
        stream.storage.refuse = "there is no room"
        settled = await stream.storage.settle(*ONE, held)
        assert (list(settled.lost), settled.refused) == ([], {first: "there is no room"})
        assert stream.pending() == [first]
        assert second in held
        stream.storage.refuse = None
        await stream.storage.settle(*ONE, {first: held[first]})
        assert (stream.pending(), len(stream.storage.dead_letters(STREAM, GROUP))) == ([], 1)

    async def test_a_retry_that_is_settled_leaves_its_stream_and_an_entry_stays(self) -> None:
        stream = Stream()
        retries = await stream.retried(2)
        await stream.settle(retries)
        assert (stream.pending(), stream.left()) == ([], 2)
        assert stream.storage.unread("{bot_events}:notifications:retry", "somebody new") == 0

    async def test_an_ack_is_for_the_group_alone(self) -> None:
        stream = Stream()
        await stream.begin(1)
        await stream.storage.create_group(STREAM, "mailing")
        [entry_id] = await stream.read(group="mailing")
        await stream.storage.ack_event(STREAM, GROUP, entry_id)
        await stream.storage.ack_event(STREAM, "no group", entry_id)
        assert (stream.pending(), stream.pending("mailing")) == ([], [entry_id])

    async def test_a_retry_waits_for_its_delay(self) -> None:
        stream = Stream()
        stream.storage.publish(STREAM, {"type": "later"}, delay=90)
        [entry_id] = held = await stream.begin(1)
        stream.clock.now = 2_000.0
        await stream.storage.promote_due(STREAM, GROUP)
        stream.storage.publish(STREAM, {"type": "later"}, delay=90)
        await stream.settle(held, RetryLater("thank", 60, 2, "no luck"))
        assert stream.storage.scheduled(STREAM, GROUP) == [f"{entry_id}|thank|2"]
        assert await stream.storage.promote_due(STREAM, GROUP) == 60
        stream.clock.now += 60
        assert await stream.storage.promote_due(STREAM, GROUP) == 30
        assert stream.storage.scheduled(STREAM, GROUP) == []

    async def test_a_consumer_without_the_entry_settles_and_releases_nothing(self) -> None:
        stream = Stream()
        [entry_id] = held = await stream.begin(1)
        await stream.storage.release(*TWO, held, started=True)
        assert list((await stream.storage.settle(*TWO, held)).lost) == [entry_id]
        stream.storage.destroy_group(STREAM, GROUP)
        assert list((await stream.storage.settle(*ONE, held)).lost) == [entry_id]
        assert stream.pending() == []

    async def test_clearing_loses_retries_and_keys_of_dedupe(self) -> None:
        stream = Stream()
        first = await stream.begin(1)
        [message] = first.values()
        await run(message)
        await stream.settle(first)
        second = await stream.begin(1)
        [message] = second.values()
        assert await begun(message) == (DedupeDecision.SKIP, 0.0)
        await stream.settle(second, RetryLater("thank", 60, 2, "no luck"))
        stream.storage.clear()
        assert await stream.storage.promote_due(STREAM, GROUP) is None
        [message] = (await stream.begin(1)).values()
        assert await begun(message) == (DedupeDecision.RUN, 0.0)


class TestTidying:
    """Entries that are no longer needed."""

    @pytest.mark.parametrize(("now", "trimmed"), [(1_010.0, 0), (1_010.001, 1), (1_010.0025, 2)])
    async def test_expired_entries_are_trimmed_once_all_groups_have_settled_them(
        self, now: float, trimmed: int
    ) -> None:
        stream = Stream(trim=10.0)
        await stream.settle(await stream.begin(3))
        stream.add()
        await stream.settle(await stream.read())
        stream.clock.now = now + 1 / 4096
        assert await stream.storage.clean_up(*ONE) == 1.0
        assert (stream.storage.trimmed, stream.left()) == (trimmed, 4 - trimmed)

    async def test_entries_that_a_group_has_not_settled_are_kept(self) -> None:
        stream = Stream(trim=10.0)
        await stream.storage.create_group(STREAM, "mailing")
        held = await stream.begin(5)
        mailed = await stream.read(3, group="mailing")
        await stream.settle(held)
        stream.clock.now += 1_000
        await stream.storage.clean_up(*ONE)
        assert stream.left() == 5
        await stream.storage.ack_events(STREAM, "mailing", list(mailed)[1:])
        await stream.storage.clean_up(*ONE)
        assert stream.left() == 5
        await stream.storage.ack_events(STREAM, "mailing", list(mailed))
        await stream.storage.clean_up(*ONE)
        assert (stream.left(), stream.storage.trimmed) == (3, 2)
        mailed = await stream.read(group="mailing")
        await stream.storage.ack_events(STREAM, "mailing", list(mailed))
        await stream.storage.clean_up(*ONE)
        assert (stream.left(), stream.storage.trimmed) == (1, 4)

    async def test_without_a_group_or_an_age_nothing_is_trimmed(self) -> None:
        stream = Stream(trim=10.0)
        stream.add(2)
        stream.clock.now += 1_000
        assert await stream.storage.clean_up(*ONE) == 1.0
        assert (stream.left(), stream.storage.trimmed) == (2, 0)
        stream = Stream()
        await stream.settle(await stream.begin(2))
        stream.clock.now += 1_000
        assert await stream.storage.clean_up(*ONE) == 1.0
        assert (stream.left(), stream.storage.trimmed) == (2, 0)


class TestDedupe:
    """Keys, by the clock."""

    async def test_a_success_counts_until_its_time_is_over(self) -> None:
        stream = Stream()
        held = await stream.begin(3)
        first, second, third = held.values()
        await run(first, ttl=60)
        stream.clock.now = 2_000.0
        await stream.settle({first.id: first})
        stream.clock.now += 59.95
        assert await begun(second) == (DedupeDecision.SKIP, 0.0)
        assert second.delivery.dedupe_locks is None
        stream.clock.now = 2_060.0
        assert await begun(third) == (DedupeDecision.RUN, 0.0)
        assert await begun(second) == (DedupeDecision.WAIT, 0.0)

    async def test_a_waiting_entry_learns_how_long_the_key_has_been_held(self) -> None:
        stream = Stream()
        held = await stream.begin(2)
        first, second = held.values()
        stream.clock.now = 2_000.0
        assert await begun(first) == (DedupeDecision.RUN, 0.0)
        stream.clock.now += 5
        assert await begun(second) == (DedupeDecision.WAIT, 5.0)
        assert await begun(first) == (DedupeDecision.RUN, 0.0)
        stream.clock.now += 2
        assert await begun(second) == (DedupeDecision.WAIT, 7.0)
        first.delivery.outcomes = [RetryLater("thank", 60, 2, "no luck")]
        await stream.storage.settle(*ONE, {first.id: first})
        stream.clock.now += 3
        assert await begun(second) == (DedupeDecision.WAIT, 10.0)
        stream.clock.now += 60
        await stream.storage.promote_due(STREAM, GROUP)
        assert await begun(second) == (DedupeDecision.WAIT, 70.0)
        [retry] = (await stream.read()).values()
        assert await begun(second) == (DedupeDecision.WAIT, 70.0)
        assert await begun(retry) == (DedupeDecision.RUN, 0.0)
        stream.clock.now += 1
        assert await begun(second) == (DedupeDecision.WAIT, 71.0)

    async def test_the_key_of_a_message_that_is_gone_goes_to_the_next(self) -> None:
        stream = Stream()
        first, second = (await stream.begin(2)).values()
        await begun(first)
        await stream.storage.ack_event(STREAM, GROUP, first.id)
        [third] = (await stream.begin(1)).values()
        stream.clock.now = 2_000.0
        assert await begun(second) == (DedupeDecision.RUN, 0.0)
        stream.clock.now += 5
        assert await begun(third) == (DedupeDecision.WAIT, 5.0)

    async def test_the_key_of_a_retry_that_is_gone_goes_to_the_next(self) -> None:
        stream = Stream()
        [retry] = (await stream.retried(1)).values()
        await begun(retry)
        [message] = (await stream.begin(1)).values()
        assert (await begun(message))[0] is DedupeDecision.WAIT
        await stream.storage.ack_event(STREAM, GROUP, f"{retry.delivery.entry_id}@retry")
        assert (await begun(message))[0] is DedupeDecision.RUN

    async def test_a_late_settlement_leaves_the_keys_of_another_alone(self) -> None:
        """It still writes those of its own."""
        stream = Stream()
        first, second, third = (await stream.begin(3)).values()
        for route in ("thank", "bill"):
            await coordinator(first).begin(first, route, "a", 60)
        await stream.storage.ack_event(STREAM, GROUP, first.id)
        assert await begun(second) == (DedupeDecision.RUN, 0.0)
        stream.storage.destroy_group(STREAM, GROUP)
        await stream.begin()
        await stream.read()  # the entry is pending again, as before
        for lock in (first.delivery.dedupe_locks or {}).values():
            lock.succeeded = True
        await stream.storage.settle(*ONE, {first.id: first})
        assert (await coordinator(third).begin(third, "thank", "a", 60))[0] is DedupeDecision.WAIT
        assert (await coordinator(third).begin(third, "bill", "a", 60))[0] is DedupeDecision.SKIP

    async def test_a_consumer_without_the_entry_gets_no_lock(self) -> None:
        stream = Stream()
        first, second = (await stream.begin(2)).values()
        await stream.claim(count=1)
        assert await begun(first) == (DedupeDecision.LOST, 0.0)
        assert first.delivery.dedupe_locks is None
        assert await begun(second) == (DedupeDecision.RUN, 0.0)

    async def test_a_final_failure_frees_the_key(self) -> None:
        stream = Stream()
        first, second = (await stream.begin(2)).values()
        await begun(first)
        first.delivery.outcomes = [DeadLetter("thank", "no")]
        await stream.storage.settle(*ONE, {first.id: first})
        assert await begun(second) == (DedupeDecision.RUN, 0.0)

    async def test_a_key_under_any_former_name_counts_and_is_taken(self) -> None:
        stream = Stream()
        first, second, third = (await stream.begin(3)).values()
        await coordinator(first).begin(first, "old", "a", 60)
        assert (await coordinator(second).begin(second, "new", "a", 60, ["older", "old"]))[
            0
        ] is DedupeDecision.WAIT
        await coordinator(second).begin(second, "new", "b", 60, ["older", "old"])
        for name in ("new", "older", "old"):
            assert (await coordinator(third).begin(third, name, "b", 60))[0] is DedupeDecision.WAIT
        assert second.delivery.dedupe_locks == {
            "new": DedupeLock(
                [f"{{bot_events}}:notifications:dedupe:{n}:b" for n in ("new", "older", "old")], 60
            )
        }


async def begun(message: Message, digest: str = "a", ttl: float = 60) -> tuple[DedupeDecision, float]:
    """Return a route's decision on a message, and the seconds for which another has held its key."""
    turn: tuple[DedupeDecision, float] = await coordinator(message).begin(message, "thank", digest, ttl)
    return turn


async def run(message: Message, digest: str = "a", ttl: float = 60) -> None:
    """Have a route run a message successfully."""
    assert (await begun(message, digest, ttl))[0] is DedupeDecision.RUN
    assert message.delivery.dedupe_locks is not None
    message.delivery.dedupe_locks["thank"].succeeded = True


def coordinator(message: Message) -> Any:
    """Return the message's coordinator."""
    return message.delivery.coordinator


KNOWN = KnownRoutes(frozenset({"thank"}), frozenset({"booked"}))


class TestWorkers:
    """Live workers, and what they know and hold."""

    def test_held_entries_are_renewed_every_third_of_a_lease(self) -> None:
        async def main() -> None:
            stream, loop = Stream(), asyncio.get_running_loop()
            requests: list[float] = []

            def held() -> dict[str, Delivery]:
                requests.append(loop.time())
                return {}

            keeper = stream.storage.lease_keeper(*ONE, held=held, lost=lambda lost: None)
            before = asyncio.all_tasks()
            await keeper.open()
            await asyncio.sleep(50)
            await keeper.close()
            assert asyncio.all_tasks() == before
            await keeper.close()
            await asyncio.sleep(50)
            assert requests == [0, 20, 40]

        run_jumping(main())

    def test_held_entries_are_kept_and_lost_ones_are_reported(self) -> None:
        async def main() -> None:
            stream = Stream()
            held = await stream.begin(4)
            kept, taken, gone, again = held
            taken_over = await stream.claim(count=4)
            await stream.storage.ack_event(STREAM, GROUP, gone)
            for name, message in taken_over.entries:
                if name in (kept, again):
                    await stream.storage.release(*TWO, {name: message}, started=False)
            await stream.storage.claim_stale_events(*ONE, 60_000, 1)
            held[kept].delivery.deliveries = 2
            deliveries = {name: message.delivery for name, message in held.items()}
            stream.clock.now = 2_000.0
            reported: list[Sequence[tuple[str, int]]] = []
            keeper = stream.storage.lease_keeper(*ONE, held=lambda: deliveries, lost=reported.append)
            await keeper.open()
            await asyncio.sleep(0)
            await keeper.close()
            assert reported == [[(taken, 1), (again, 1)]]
            stream.clock.now += 1
            claimed = await stream.claim(1_500)
            assert kept not in [name for name, _ in claimed.entries]

        run_jumping(main())

    def test_a_route_or_a_type_that_a_living_worker_knows_is_waited_for(self) -> None:
        async def main() -> None:
            stream = Stream()
            [message] = (await stream.begin(1)).values()
            asking = coordinator(message)
            stream.clock.now = 2_000.0
            assert await asking.route_wait(message, "thank") == RouteWait(1.0, 2_000_000)
            assert await asking.type_wait(message, "booked") == RouteWait(None)
            keepers = [
                stream.storage.lease_keeper(
                    *(STREAM, GROUP, str(known)),
                    held=dict,
                    lost=lambda lost: None,
                    known_routes=partial(KnownRoutes, *known),
                )
                for known in (KNOWN, KnownRoutes())
            ]
            for keeper in keepers:
                await keeper.open()
            await asyncio.sleep(0)
            assert await asking.route_wait(message, "thank") == RouteWait(1.0)
            assert await asking.route_wait(message, "bill") == RouteWait(1.0, 2_000_000)
            assert await asking.type_wait(message, "booked") == RouteWait(1.0)
            assert await asking.type_wait(message, "cancelled") == RouteWait(None)
            await keepers[0].close()
            assert await asking.route_wait(message, "thank") == RouteWait(1.0, 2_000_000)
            assert await asking.type_wait(message, "booked") == RouteWait(1.0, 2_000_000)
            await keepers[1].close()
            message.delivery.unknown_since = 1_999_000
            stream.clock.now = 2_079.0
            assert await asking.route_wait(message, "thank") == RouteWait(20.0, 1_999_000)
            assert await asking.type_wait(message, "booked") == RouteWait(20.0, 1_999_000)
            assert await asking.type_wait(message, "cancelled") == RouteWait(None)
            stream.clock.now = 2_599.0
            assert await asking.route_wait(message, "thank") == RouteWait(None, 1_999_000)
            assert await asking.type_wait(message, "booked") == RouteWait(None, 1_999_000)

        run_jumping(main())


def test_every_call_yields_to_the_event_loop_once() -> None:
    """As calls to a server do."""

    async def main() -> None:
        stream = Stream()
        [message] = held = await stream.begin(1)
        asking = coordinator(held[message])
        stream.add()
        storage = stream.storage
        for call in (
            storage.read_events(*ONE, 1),
            storage.claim_stale_events(*TWO, 60_000, 1),
            storage.ack_events(STREAM, GROUP, []),
            storage.settle(*ONE, {}),
            storage.release(*ONE, {}, started=True),
            storage.promote_due(STREAM, GROUP),
            storage.clean_up(*ONE),
            asking.begin(held[message], "thank", "a", 60),
            asking.route_wait(held[message], "thank"),
            asking.type_wait(held[message], "booked"),
        ):
            await takes_turns(call)

    run_jumping(main())
