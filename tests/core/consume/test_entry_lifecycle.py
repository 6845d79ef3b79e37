"""EntryLifecycle: an entry from its delivery to its settlement or release."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from consuming import GROUP, STREAM, eventually, within_patience
from loop_clock import LoopClock, turns
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.core.consume.consumer import ConsumerId, ConsumerSettings
from streamroute.core.consume.entry_lifecycle import EntryLifecycle
from streamroute.core.consume.fetch.due_timer import DueTimer
from streamroute.core.consume.fetch.prefetch import BUDGET
from streamroute.core.consume.pause_group import pause_group_of_loop
from streamroute.core.consume.pool.worker_pool import Entry
from streamroute.core.consume.tuning import Tuning
from streamroute.core.observer import Result
from streamroute.errors import LeaseLostError
from streamroute.incidents import Incident, Incidents
from streamroute.message import Message
from streamroute.values import DeadLetter, Lease, Quotas, RetryLater, SettleResult, SkippedEntries

ME = ConsumerId(STREAM, GROUP, "me")


class Noted(MemoryStreamStorage):
    """A storage that records settlements and releases."""

    def __init__(self) -> None:
        super().__init__(block=0.02)
        self.settled: list[str] = []
        self.released: list[tuple[str, bool]] = []

    async def settle(
        self, stream_name: str, group_name: str, consumer_name: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        """Settle, then record the ids."""
        settled = await super().settle(stream_name, group_name, consumer_name, messages)
        self.settled += messages
        return settled

    async def release(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        messages: Mapping[str, Message],
        *,
        started: bool,
    ) -> None:
        """Record the ids, and whether they had started."""
        assert (stream_name, group_name, consumer_name) == ME
        self.released += [(name, started) for name in messages]
        await super().release(stream_name, group_name, consumer_name, messages, started=started)


class Skips(Noted):
    """A storage that may leave out entries that no route takes."""

    def skip_into(self, stream_name: str, group_name: str, consumer_name: str, sink: Any) -> None:
        assert (stream_name, group_name, consumer_name) == ME
        self.sink = sink

    async def ack_skipped(
        self, stream_name: str, group_name: str, consumer_name: str, skipped: Sequence[SkippedEntries]
    ) -> None:
        """Acknowledge nothing: no test skips."""


class Due(DueTimer):
    """Records the delays of retries."""

    def __init__(self) -> None:
        super().__init__()
        self.expected: list[float] = []

    def expect(self, delay: float) -> None:
        self.expected.append(delay)


class Work:
    """A worker's lifecycle with a record of its callbacks; ``then`` is the handler's action for a payload."""

    def __init__(self, storage: Noted | None = None, **limits: Any) -> None:
        self.storage, self.due = storage or Noted(), Due()
        self.started: list[str] = []
        self.results: list[tuple[str, Result]] = []
        self.reported: list[tuple[Incident, int]] = []
        self.proceed = asyncio.Event()
        self.errors: dict[str, BaseException] = {}
        self.outcomes: dict[str, RetryLater | DeadLetter] = {}
        usual: dict[str, Any] = {
            "batch_count": 10,
            "concurrency": 2,
            "max_deliveries": 5,
            "lease": Lease.of(60.0),
            "grace": 5.0,
        }
        incidents = Incidents(lambda stream, incident, count: self.reported.append((incident, count)))
        made = ConsumerSettings(**({"ack_delay": 0.001} | usual | limits))
        self.stuck = 0
        self.lifecycle = EntryLifecycle(
            self.storage, ME, made, self._observe, incidents, self.due, self._note_stuck
        )
        self.lifecycle.callback = self._handle

    async def read(self, *numbers: str) -> list[Entry]:
        """Add entries and read them as this worker."""
        await self.storage.create_group(STREAM, GROUP)
        for number in numbers:
            self.storage.add(STREAM, {"type": "booked", "n": number})
        return list(await self.storage.read_events(*ME, len(numbers)))

    async def claim(self, deliveries: int, *numbers: str) -> list[Entry]:
        """Add entries and claim them as this worker, at this delivery."""
        entries = await self.read(*numbers)
        for name, payload in entries:
            assert isinstance(payload, Message)
            payload.delivery.deliveries = deliveries
            self.storage._server.stream(STREAM).groups[GROUP].pending[name].deliveries = deliveries
        return entries

    async def _handle(self, payload: dict[str, Any]) -> None:
        number = payload["n"]
        self.started.append(number)
        if number in self.errors:
            raise self.errors[number]
        if number in self.outcomes:
            assert isinstance(payload, Message)
            payload.delivery.outcomes = [self.outcomes[number]]
            return
        await self.proceed.wait()

    def _note_stuck(self) -> None:
        self.stuck += 1

    def _observe(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        self.results.append((payload.get("n", ""), result))


@asynccontextmanager
async def opened(storage: Noted | None = None, **limits: Any) -> AsyncIterator[Work]:
    work = Work(storage, **limits)
    work.lifecycle.open()
    try:
        yield work
    finally:
        work.proceed.set()
        await within_patience(work.lifecycle.close())


def numbers(entries: list[Entry]) -> list[str]:
    return [payload["n"] for _, payload in entries]


class TestClosing:
    """Closing."""

    async def test_running_entries_are_settled_and_unstarted_ones_released(self) -> None:
        async with opened() as work:
            entries = await work.read("1", "2", "3", "4")
            work.lifecycle.take(entries)
            await eventually(lambda: len(work.started) == 2)
            closing = asyncio.create_task(work.lifecycle.close())
            await eventually(lambda: work.storage.released)
            work.proceed.set()
            await within_patience(closing)
            names = [name for name, _ in entries]
            assert sorted(work.storage.settled) == names[:2]
            assert work.storage.released == [(name, False) for name in names[2:]]
            assert work.lifecycle.in_flight.payloads == {}

    @pytest.mark.parametrize(
        ("count", "expected_text"),
        [
            (1, "1 handler was cut off after 0.01s; its entry"),
            (2, "2 handlers were cut off after 0.01s; their"),
        ],
    )
    async def test_handlers_beyond_the_grace_are_cancelled_and_released(
        self, caplog: pytest.LogCaptureFixture, count: int, expected_text: str
    ) -> None:
        async with opened(grace=0.01) as work:
            entries = await work.read(*"12"[:count])
            work.lifecycle.take(entries)
            await eventually(lambda: len(work.started) == count)
            await within_patience(work.lifecycle.close())
            assert sorted(work.storage.released) == [(name, True) for name, _ in entries]
            assert expected_text in caplog.text
            assert "stays pending" not in caplog.text
            assert (work.lifecycle.in_flight.payloads, work.reported) == ({}, [])

    async def test_a_clean_close_logs_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        async with opened() as work:
            work.proceed.set()
            work.lifecycle.take(await work.read("1"))
            await eventually(lambda: work.storage.settled)
            await within_patience(work.lifecycle.close())
            assert (caplog.messages, work.reported, work.storage.released) == ([], [], [])

    @pytest.mark.parametrize("count", [1, 2])
    async def test_an_uncancellable_handler_is_reported(
        self, caplog: pytest.LogCaptureFixture, count: int
    ) -> None:
        async with opened(grace=0.01) as work:
            work.lifecycle._pool._last_patience = 0.01

            async def uncancellable(payload: dict[str, Any]) -> None:
                work.started.append("uncancellable")
                while not work.proceed.is_set():
                    try:
                        await work.proceed.wait()
                    except asyncio.CancelledError:
                        continue

            work.lifecycle.callback = uncancellable
            work.lifecycle.take(await work.read(*"12"[:count]))
            await eventually(lambda: len(work.started) == count)
            await within_patience(work.lifecycle.close())
            assert work.reported == [(Incident.STUCK, count)]
            assert f"{count} cancelled handlers did not end" in caplog.text
            work.proceed.set()
            await asyncio.sleep(0)

    async def test_a_closed_consumer_leaves_its_group(self) -> None:
        async with opened() as work:
            assert work.lifecycle in pause_group_of_loop()._members
            await within_patience(work.lifecycle.close())
            assert work.lifecycle not in pause_group_of_loop()._members

    async def test_it_can_be_reopened(self) -> None:
        async with opened() as work:
            await within_patience(work.lifecycle.close())
            work.lifecycle.open()
            work.lifecycle.take(await work.read("1", "2", "3"))
            await eventually(lambda: work.started == ["1", "2"])

    async def test_a_release_that_fails_leaves_entries_to_their_lease(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fail(*_: Any, **__: Any) -> None:
            raise ConnectionError("away")

        monkeypatch.setattr(Noted, "release", fail)
        async with opened() as work:
            work.lifecycle.take(await work.read("1", "2", "3"))
            await eventually(lambda: len(work.started) == 2)
            work.proceed.set()
            await within_patience(work.lifecycle.close())
            assert "could not release 1 entries; they wait for their lease to end: " in caplog.text


class TestTaking:
    """Which entries are queued, and in which order."""

    async def test_claimed_entries_run_before_read_ones(self) -> None:
        async with opened(concurrency=1) as work:
            work.lifecycle.take(await work.read("1", "2"))
            await eventually(lambda: work.started == ["1"])
            assert work.lifecycle.take_claimed(await work.claim(2, "a", "b"))
            work.proceed.set()
            await eventually(lambda: work.started == ["1", "a", "b", "2"])

    async def test_entries_with_equal_keys_run_one_after_the_other(self) -> None:
        async with opened(concurrency=3, order_by=lambda payload: payload["n"] in "12") as work:
            work.lifecycle.take(await work.read("1", "2", "3"))
            await eventually(lambda: work.started == ["1", "3"])
            assert len(work.lifecycle.waiting()) == 1

    async def test_an_entry_already_held_does_not_run_twice(self) -> None:
        async with opened() as work:
            entries = await work.claim(2, "a", "b")
            assert work.lifecycle.take_claimed(entries)
            assert not work.lifecycle.take_claimed(entries)
            assert not work.lifecycle.take_claimed([])

    async def test_takeovers_are_reported_with_those_that_had_run_before(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with opened() as work:
            work.lifecycle.take_claimed([*await work.claim(2, "a", "b"), *await work.claim(1, "c")])
            assert work.reported == [(Incident.CLAIMED, 3), (Incident.REDELIVERED, 2)]
            work.reported.clear()
            work.lifecycle.take_claimed(await work.claim(1, "d"))
            assert work.reported == [(Incident.CLAIMED, 1)]
            work.reported.clear()
            work.lifecycle.take_claimed([])
            assert work.reported == []

    @pytest.mark.parametrize(("claims", "queued"), [(False, 20), (True, 30)])
    async def test_claims_have_separate_room(self, claims: bool, queued: int) -> None:
        async with opened(concurrency=1) as work:
            work.lifecycle.take(await work.read(*map(str, range(queued))))
            await eventually(lambda: work.started)  # one of them has left the queue
            assert await within_patience(work.lifecycle.room(claims=claims)) == 10
            work.lifecycle.take(await work.read("one more"))
            waiting = asyncio.create_task(work.lifecycle.room(claims=claims))
            for _ in range(10):
                await asyncio.sleep(0)
            assert not waiting.done()
            work.proceed.set()
            assert await within_patience(waiting) == 10

    async def test_adaptive_reads_begin_small_and_claims_always_have_room_for_one(self) -> None:
        async with opened(concurrency=1, prefetch=0.1, batch_count=500) as work:
            assert await within_patience(work.lifecycle.room(claims=False)) == 1
            assert await within_patience(work.lifecycle.room(claims=True)) == 4
            work.lifecycle.take(await work.read(*"12345678"))
            await eventually(lambda: work.started)
            assert await within_patience(work.lifecycle.room(claims=True)) >= 1
            waiting = asyncio.create_task(work.lifecycle.room(claims=False))
            for _ in range(10):
                await asyncio.sleep(0)
            assert not waiting.done()
            work.proceed.set()
            await within_patience(waiting)

    async def test_room_for_claims_is_what_one_read_takes_beyond_what_is_queued(self) -> None:
        """With prefetch: the current read size less the queued entries; none if they are half of it."""
        async with opened(concurrency=1, prefetch=0.1, batch_count=500) as work:
            for number, room in (("1", 4), ("2", 4), ("3", 3)):  # one runs, then one and two are queued
                work.lifecycle.take(await work.read(number))
                await eventually(lambda: work.started == ["1"])
                assert await within_patience(work.lifecycle.room(claims=True)) == room
            work.lifecycle.take(await work.read("4"))
            waiting = asyncio.create_task(work.lifecycle.room(claims=True))
            await turns()
            assert not waiting.done()
            work.proceed.set()
            await within_patience(waiting)

    async def test_claims_are_measured_and_do_not_change_the_prefetch(self) -> None:
        async with opened(concurrency=3, prefetch=0.1, batch_count=500) as work:
            work.lifecycle.take_claimed(await work.claim(2, "x" * (BUDGET * 2 // 5)))
            await eventually(lambda: work.started)
            assert await within_patience(work.lifecycle.room(claims=False)) == 2

    async def test_at_most_so_much_as_can_be_settled_is_taken_in(self) -> None:
        async with opened(ack_delay=600, tuning=Tuning(max_unsettled=1)) as work:
            work.outcomes["1"] = DeadLetter("thank", "no")
            work.lifecycle.take(await work.read("1"))
            await eventually(lambda: work.started)
            waiting = asyncio.create_task(work.lifecycle.room(claims=False))
            await turns()
            assert not waiting.done()
            await within_patience(work.lifecycle._settler.flush(10))
            assert await within_patience(waiting) == 10


class TestQuotas:
    """Quotas for redelivered entries."""

    async def test_held_entries_count(self) -> None:
        async with opened(concurrency=32) as work:
            work.lifecycle.take_claimed(await work.claim(3, "a", "b"))
            work.lifecycle.take_claimed(await work.claim(4, "c"))
            assert work.lifecycle.quotas() == Quotas(5, {3: 14, 4: 3, 5: 0})
            assert not work.lifecycle.has_last_delivery
            work.lifecycle.take_claimed(await work.claim(5, "d"))
            assert work.lifecycle.has_last_delivery

    async def test_a_wait_for_the_quota_ends_with_an_entry_of_it(self) -> None:
        async with opened() as work:
            work.lifecycle.take_claimed(await work.claim(2, "a"))
            await eventually(lambda: work.started)
            waiting = asyncio.create_task(work.lifecycle.wait_for_quota(600))
            await asyncio.sleep(0)
            work.outcomes["new"] = DeadLetter("thank", "no")
            work.lifecycle.take(await work.read("new"))
            await eventually(lambda: work.storage.settled)
            for _ in range(10):
                await asyncio.sleep(0)
            assert not waiting.done()
            work.proceed.set()
            await within_patience(waiting)

    async def test_a_wait_for_the_quota_ends_at_its_timeout(self) -> None:
        async with opened() as work:
            waiting = asyncio.ensure_future(work.lifecycle.wait_for_quota(0.001))
            await within_patience(waiting)
            assert not waiting.cancelled()


class TestPatience:
    """Timeouts in seconds, on a clock that the test advances."""

    async def never_settles(self, patch: pytest.MonkeyPatch, work: Work) -> asyncio.Event:
        """Finish an entry whose settlement waits for the returned event."""
        may_settle, requests = asyncio.Event(), list[str]()
        settle = Noted.settle

        async def wait(storage: Noted, *what: Any) -> SettleResult:
            requests.extend(what[-1])
            await may_settle.wait()
            return await settle(storage, *what)

        patch.setattr(Noted, "settle", wait)
        work.outcomes["ended"] = DeadLetter("thank", "no")
        work.lifecycle.take(await work.read("ended"))
        await eventually(lambda: requests)
        return may_settle

    def last_delivery(self, work: Work, fetched: list[str]) -> asyncio.Task[bool]:
        """Run a last delivery, and record when it is fetched."""

        async def play() -> bool:
            async with work.lifecycle.exclusive() as alone:
                assert alone is not None
                fetched.append("s")
                ran: bool = await work.lifecycle.run_exclusive(await work.claim(5, "s"), alone=alone)
                return ran

        return asyncio.create_task(play())

    async def test_a_close_waits_five_seconds_for_the_last_settlements(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with opened() as work:
            may_settle = await self.never_settles(monkeypatch, work)
            clock = LoopClock(monkeypatch)
            closing = asyncio.create_task(work.lifecycle.close())
            await turns()
            await clock.advance(4.2)
            assert not closing.done()
            await clock.advance(1.3)
            assert closing.done()
            assert "could not be settled" in caplog.text
            may_settle.set()

    async def test_before_a_last_delivery_two_seconds_are_waited_for_settlements(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with opened() as work:
            may_settle = await self.never_settles(monkeypatch, work)
            clock, fetched = LoopClock(monkeypatch), list[str]()
            running = self.last_delivery(work, fetched)
            await turns()
            await clock.advance(1.3)
            assert fetched == []
            await clock.advance(1.3)
            assert fetched == ["s"]
            may_settle.set()
            work.proceed.set()
            assert await within_patience(running)

    @pytest.mark.parametrize(("lease", "seconds"), [(60.0, 5.0), (18.0, 4.5)])
    async def test_a_last_delivery_waits_for_others_to_end(
        self, monkeypatch: pytest.MonkeyPatch, lease: float, seconds: float
    ) -> None:
        """Five seconds, or a quarter of the lease if that is less."""
        async with opened(lease=Lease.of(lease)) as work:
            work.lifecycle.take(await work.read("endless"))
            await eventually(lambda: work.started)
            clock, fetched = LoopClock(monkeypatch), list[str]()
            running = self.last_delivery(work, fetched)
            await turns()
            await clock.advance(seconds * 0.9)
            assert fetched == []
            await clock.advance(seconds * 0.2)
            assert fetched == ["s"]
            work.proceed.set()
            assert await within_patience(running)

    @pytest.mark.parametrize(("lease", "seconds"), [(60.0, 10.0), (6.0, 6.0)])
    async def test_a_last_delivery_runs_alone_for_ten_seconds_and_a_lease_at_most(
        self, monkeypatch: pytest.MonkeyPatch, lease: float, seconds: float
    ) -> None:
        async with opened(lease=Lease.of(lease)) as work:
            clock = LoopClock(monkeypatch)
            running = self.last_delivery(work, [])
            await eventually(lambda: work.started == ["s"])
            work.lifecycle.take(await work.read("new"))
            await clock.advance(seconds * 0.9)
            assert not running.done()
            assert work.started == ["s"]
            await clock.advance(seconds * 0.15)
            assert running.done()
            assert work.started == ["s", "new"]

    async def test_a_last_delivery_is_settled_before_others_start_for_as_long_as_it_may_be_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with opened() as work:
            may_settle = await self.never_settles(monkeypatch, work)
            clock = LoopClock(monkeypatch)
            work.outcomes["s"] = DeadLetter("thank", "no")
            running = self.last_delivery(work, [])
            await turns()
            await clock.advance(2.1)
            await eventually(lambda: "s" in work.started)
            work.lifecycle.take(await work.read("new"))
            await clock.advance(9)
            assert "new" not in work.started
            assert not running.done()
            may_settle.set()
            assert await within_patience(running)
            await eventually(lambda: "new" in work.started)

    async def test_a_wait_for_the_quota_lasts_up_to_its_timeout(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with opened() as work:
            clock = LoopClock(monkeypatch)
            waiting = asyncio.create_task(work.lifecycle.wait_for_quota(60))
            await turns()
            await clock.advance(50)
            assert not waiting.done()
            await clock.advance(11)
            assert waiting.done()


def test_it_can_be_opened_in_another_event_loop() -> None:
    """For example if a program calls ``asyncio.run`` twice."""
    works: list[Work] = []

    async def open_and_close() -> None:
        work = works[0] if works else Work()
        works.append(work)
        work.proceed = asyncio.Event()
        work.lifecycle.open()
        await within_patience(work.lifecycle.wait_for_quota(0.001))
        work.proceed.set()
        work.lifecycle.take(await work.read(str(len(works))))
        await eventually(lambda: len(work.storage.settled) == len(works))
        await within_patience(work.lifecycle.close())

    for _ in range(2):
        asyncio.run(open_and_close())
    assert len(works[0].storage.settled) == 2


class TestEnds:
    """The results of an entry."""

    async def test_a_retry_that_was_written_is_expected(self) -> None:
        async with opened() as work:
            work.outcomes = {"1": RetryLater("thank", 2.5, 2, "no luck"), "2": DeadLetter("thank", "no")}
            work.lifecycle.take(await work.read("1", "2"))
            await eventually(lambda: len(work.storage.settled) == 2)
            await eventually(lambda: not work.lifecycle.in_flight.payloads)
            assert work.due.expected == [2.5]

    async def test_an_entry_left_unsettled_stays_pending_and_is_released(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with opened() as work:
            work.errors = {"1": RuntimeError("oops")}
            [(name, _)] = entries = await work.read("1")
            work.lifecycle.take(entries)
            await eventually(lambda: not work.lifecycle.in_flight.payloads)
            assert f"entry {name} of {STREAM} stays pending: RuntimeError: oops" in caplog.text
            assert (work.storage.settled, work.results) == ([], [])
            assert work.storage.pending(STREAM, GROUP) == [name]

    async def test_a_lease_that_a_handler_finds_lost_is_no_failure(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with opened() as work:
            work.errors = {"1": LeaseLostError("it is theirs")}
            work.lifecycle.take(await work.read("1"))
            await eventually(lambda: not work.lifecycle.in_flight.payloads)
            assert work.results == [("1", Result.LOST)]
            assert "stays pending" not in caplog.text
            assert "another worker has claimed it" in caplog.text

    async def test_a_lost_entry_is_reported_once_and_its_handler_cancelled(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING)
        async with opened() as work:
            [(name, _)] = entries = await work.read("1")
            work.lifecycle.take(entries)
            await eventually(lambda: work.lifecycle.running == 1)
            work.lifecycle.on_lease_lost([("unknown", 1), (name, 2), (name, 1), (name, 1)])
            assert work.results == [("1", Result.LOST)]
            await eventually(lambda: work.lifecycle.running == 0)
            assert len(caplog.messages) == 1

    @pytest.mark.parametrize(("deliveries", "runs"), [(5, True), (6, False)])
    async def test_entries_delivered_too_often_are_dead_lettered(self, deliveries: int, runs: bool) -> None:
        async with opened() as work:
            work.proceed.set()
            work.lifecycle.take(await work.claim(deliveries, "1"))
            await eventually(lambda: not work.lifecycle.in_flight.payloads)
            assert work.started == (["1"] if runs else [])
            letters = work.storage.dead_letters(STREAM, GROUP)
            assert [letter.reason.split(":")[0] for letter in letters] == (
                [] if runs else ["delivered 5 times without an outcome"]
            )
            assert work.results == ([] if runs else [("1", Result.DEAD)])

    async def test_undecodable_entries_are_dead_lettered_with_the_error(self) -> None:
        async with opened() as work:
            [(_, message)] = entries = await work.read("1")
            assert isinstance(message, Message)
            message.decode_error, message.attempt = "it is odd", 3
            work.lifecycle.take(entries)
            [letter] = await eventually(lambda: work.storage.dead_letters(STREAM, GROUP))
            assert (letter.reason, letter.attempt, work.started) == ("it is odd", 3, [])

    async def test_without_an_outcome_collector_the_dispatcher_decides(self) -> None:
        """A storage that cannot write dead letters leaves them to its dispatcher."""
        async with opened() as work:
            [(name, message)] = await work.claim(9, "1")
            assert isinstance(message, Message)
            message.delivery.outcomes, message.decode_error = None, "it is odd"
            work.lifecycle.take([(name, message)])
            await eventually(lambda: work.started == ["1"])


async def test_the_pool_and_the_settler_do_not_call_back_into_the_lifecycle() -> None:
    """They are built inside its constructor: whatever they call must be complete before."""
    lifecycle = Work().lifecycle
    parts = (lifecycle._pool, lifecycle._settler, lifecycle._releaser, lifecycle._events, lifecycle._starter)
    owners = [getattr(value, "__self__", None) for part in parts for value in vars(part).values()]
    assert lifecycle not in owners


class TestStuck:
    """Handlers that ignore their cancellation."""

    def make_stuck(self, work: Work) -> dict[str, asyncio.Task[Any]]:
        """Make handlers run until ``go_on``, despite cancellation; return the tasks of those started."""
        work.lifecycle._pool._watch._after = 0.01
        tasks: dict[str, asyncio.Task[Any]] = {}

        async def uncancellable(payload: dict[str, Any]) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks[payload["n"]] = task
            work.started.append(payload["n"])
            while not work.proceed.is_set():
                try:
                    await work.proceed.wait()
                except asyncio.CancelledError:
                    continue

        work.lifecycle.callback = uncancellable
        return tasks

    async def stuck(self, work: Work, *numbers: str) -> list[str]:
        """Make these handlers stuck; return their entries' ids."""
        tasks = self.make_stuck(work)
        entries = await work.read(*numbers)
        work.lifecycle.take(entries)
        await eventually(lambda: len(tasks) == len(numbers))
        for task in tasks.values():
            task.cancel()
        await eventually(lambda: work.stuck == len(numbers))
        return [name for name, _ in entries]

    async def test_queued_entries_are_released_when_the_last_worker_is_stuck(self) -> None:
        async with opened(concurrency=2) as work:
            tasks = self.make_stuck(work)
            entries = await work.read("1", "2", "queued")
            work.lifecycle.take(entries)
            await eventually(lambda: len(tasks) == 2)
            tasks["1"].cancel()
            await eventually(lambda: work.stuck == 1)
            await turns()
            assert work.storage.released == []
            tasks["2"].cancel()
            await eventually(lambda: work.storage.released == [(entries[2][0], False)])
            assert work.lifecycle.in_flight.payloads == {}

    async def test_a_close_waits_for_the_release_of_entries(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Otherwise the process could end before the release, and the entry would wait for its lease."""
        proceed, requests = asyncio.Event(), list[str]()

        async def release(storage: Noted, *where: Any, started: bool) -> None:
            if not started:
                requests.extend(where[-1])
                await proceed.wait()

        monkeypatch.setattr(Noted, "release", release)
        async with opened(concurrency=1, grace=0.01) as work:
            await self.stuck(work, "1")
            work.lifecycle._pool._last_patience = 0.01
            work.lifecycle.take(await work.read("queued"))
            await eventually(lambda: requests)
            closing = asyncio.create_task(work.lifecycle.close())
            done, _ = await asyncio.wait([closing], timeout=0.1)
            assert not done
            proceed.set()
            await within_patience(closing)

    async def test_a_stuck_entry_is_given_up_and_logged_with_its_stack(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with opened() as work:
            [name] = await self.stuck(work, "1")
            assert work.reported == [(Incident.STUCK, 1)]
            assert f"entry {name} of {STREAM} will be delivered again: " in caplog.text
            assert "uncancellable at " in caplog.text
            assert work.lifecycle.in_flight.payloads == {}
            assert work.lifecycle.stuck == 1
            work.lifecycle.take(await work.read("2"))
            await eventually(lambda: work.started == ["1", "2"])
            assert work.storage.released == []

    async def test_without_free_workers_queued_entries_are_released(self) -> None:
        async with opened(concurrency=1) as work:
            queued = await work.read("queued")
            await self.stuck(work, "1")
            for take in (work.lifecycle.take, work.lifecycle.take_claimed):
                work.storage.released.clear()
                take(queued)
                await eventually(lambda: work.storage.released == [(queued[0][0], False)])
                assert work.lifecycle.in_flight.payloads == {}


class TestLastDelivery:
    """An entry on its last delivery, which may kill the process."""

    NEVER = 600.0
    """An ack delay too long to end within a test."""

    async def run(self, work: Work, fetched: list[Entry]) -> bool:
        """Run the fetched last delivery, and record its fetch in ``started``."""

        async def play() -> bool:
            async with work.lifecycle.exclusive() as alone:
                if alone is None:
                    return False
                assert work.lifecycle.last_delivery_quotas() == Quotas(5, {5: 1}, others=0)
                work.started.append(f"fetched after {len(work.storage.settled)} settlements")
                ran: bool = await work.lifecycle.run_exclusive(fetched, alone=alone)
                return ran

        done: bool = await within_patience(play())
        return done

    async def test_a_last_delivery_starts_after_earlier_settlements(self) -> None:
        """A last delivery that kills the process costs no other entry a delivery."""
        async with opened(ack_delay=self.NEVER) as work:
            work.proceed.set()
            work.lifecycle.take(await work.read("1"))
            await eventually(lambda: work.lifecycle.running == 0 and work.started)
            assert work.storage.settled == []
            assert await self.run(work, await work.claim(5, "s"))
            assert work.started == ["1", "fetched after 1 settlements", "s"]
            assert len(work.storage.settled) == 2
            assert not work.lifecycle.has_last_delivery

    async def test_nothing_starts_beside_a_last_delivery(self) -> None:
        async with opened() as work:
            running = asyncio.create_task(self.run(work, await work.claim(5, "s")))
            await eventually(lambda: "s" in work.started)
            work.lifecycle.take(await work.read("1"))
            for _ in range(20):
                await asyncio.sleep(0)
            assert work.started[1:] == ["s"]
            work.proceed.set()
            assert await running
            await eventually(lambda: work.started[1:] == ["s", "1"])

    async def test_nothing_is_skipped_beside_a_last_delivery(self) -> None:
        """If it kills the process, what was skipped and not acknowledged yet would lose a delivery."""
        storage = Skips()
        async with opened(storage) as work, opened() as other:
            assert storage.sink.is_open
            running = asyncio.create_task(self.run(other, await other.claim(5, "s")))
            await eventually(lambda: "s" in other.started)
            assert not storage.sink.is_open
            other.proceed.set()
            assert await running
            assert storage.sink.is_open
            work.lifecycle.hold(is_paused=True)
            assert not storage.sink.is_open
            work.lifecycle.hold(is_paused=False)
            assert storage.sink.is_open
            work.lifecycle.retire()
            assert not storage.sink.is_open

    @pytest.mark.parametrize(("deliveries", "skips"), [(1, False), (2, True)])
    async def test_nothing_is_skipped_if_the_first_delivery_is_the_last(
        self, deliveries: int, skips: bool
    ) -> None:
        """It would be dead-lettered if a blocked event loop did not acknowledge it within the lease."""
        storage = Skips()
        async with opened(storage, max_deliveries=deliveries):
            assert storage.sink.is_open is skips

    async def test_without_a_last_delivery_all_continue(self) -> None:
        async with opened() as work:
            assert not await self.run(work, [])
            work.lifecycle.take(await work.read("1"))
            await eventually(lambda: "1" in work.started)

    async def test_no_second_last_delivery_is_fetched(self) -> None:
        async with opened() as work:
            work.lifecycle.take_claimed(await work.claim(5, "s"))
            assert not await self.run(work, await work.claim(5, "t"))
            assert "fetched" not in str(work.started)

    async def test_after_a_lease_others_start_beside_a_last_delivery(self) -> None:
        async with opened(lease=Lease.of(0.05)) as work:
            assert await self.run(work, await work.claim(5, "s"))
            assert work.lifecycle.running == 1
            work.lifecycle.take(await work.read("1"))
            await eventually(lambda: "1" in work.started)

    async def test_a_last_delivery_that_cannot_run_alone_goes_before_queued_entries(self) -> None:
        async with opened(concurrency=1, lease=Lease.of(0.05)) as work:
            work.lifecycle.take(await work.read("endless", "queued"))
            await eventually(lambda: work.started == ["endless"])
            assert await self.run(work, await work.claim(5, "s"))
            work.proceed.set()
            await eventually(lambda: len(work.started) == 4)
            assert work.started == ["endless", "fetched after 0 settlements", "s", "queued"]

    async def test_before_it_is_opened_nothing_is_fetched(self) -> None:
        assert not await self.run(Work(), [])


def test_limits_are_named_and_do_not_change() -> None:
    """Eight positional numbers would sooner or later be swapped."""
    given: dict[str, Any] = {"batch_count": 10, "concurrency": 2, "max_deliveries": 5}
    limits = ConsumerSettings(**given, lease=Lease.of(60.0), grace=5.0, ack_delay=0.001)
    with pytest.raises(FrozenInstanceError):
        limits.lease = Lease.of(1.0)  # type: ignore[misc]  # that it cannot be set is the point
    positional: Any = ConsumerSettings
    with pytest.raises(TypeError):
        positional(10, 2, 5, 60.0, 5.0, 0.001)
