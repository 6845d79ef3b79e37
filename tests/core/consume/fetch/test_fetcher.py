"""Fetcher: the order and the size of its calls, and the waits between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from consuming import GROUP, STREAM, eventually, within_patience
from loop_clock import LoopClock, turns
from streamroute.core.consume.consumer import ConsumerId, ConsumerSettings
from streamroute.core.consume.fetch.due_timer import DueTimer
from streamroute.core.consume.fetch.fetcher import Fetcher
from streamroute.core.consume.fetch.prefetch import BUDGET
from streamroute.core.consume.pool.worker_pool import Entry
from streamroute.core.consume.tuning import Tuning
from streamroute.incidents import Incident, Incidents
from streamroute.message import Message
from streamroute.outages import Backoff
from streamroute.values import ClaimResult, Lease, Quotas

ME = ConsumerId(STREAM, GROUP, "me")
QUOTAS, ONE = Quotas(5, {5: 0}), Quotas(5, {5: 1}, others=0)
SOME: list[Entry] = [("1-0", {}), ("2-0", {})]


class Reading:
    """A storage that only reads, and records its calls."""

    def __init__(self) -> None:
        self.requests: list[tuple[Any, ...]] = []
        self.unread: list[list[Entry] | Exception] = []
        self.holding: asyncio.Event | None = None

    async def create_group(self, stream_name: str, group_name: str) -> None:
        self.requests.append(("create", stream_name, group_name))

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[Entry]:
        """Return the next scripted reply; nothing if there is none."""
        self.requests.append(("read", stream_name, group_name, consumer_name, count))
        if self.holding is not None:
            await self.holding.wait()
        await asyncio.sleep(0)
        answer = self.unread.pop(0) if self.unread else []
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        """Never called here."""
        raise NotImplementedError

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        """Return the arguments of the recorded calls of one kind."""
        return [requests[1:] for requests in self.requests if requests[0] == kind]


class Claiming(Reading):
    """A storage that claims within quotas, and blocks on the server."""

    blocks = True

    def __init__(self) -> None:
        super().__init__()
        self.stale: list[ClaimResult | Exception] = []
        self.claimed_at: list[float] = []
        self.may_claim = asyncio.Event()
        self.may_claim.set()

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[Entry]:
        """As above, but an empty read takes a moment."""
        entries = await super().read_events(stream_name, group_name, consumer_name, count)
        await asyncio.sleep(0 if entries else 0.005)
        return entries

    async def claim_within(
        self,
        stream_name: str,
        group_name: str,
        consumer_name: str,
        min_idle_time: int,
        count: int,
        quotas: Quotas,
    ) -> ClaimResult:
        """Return the next scripted reply; nothing if there is none."""
        self.requests.append(("claim", stream_name, group_name, consumer_name, min_idle_time, count, quotas))
        self.claimed_at.append(asyncio.get_running_loop().time())
        await self.may_claim.wait()
        await asyncio.sleep(0)
        answer = self.stale.pop(0) if self.stale else ClaimResult([])
        if isinstance(answer, Exception):
            raise answer
        return answer

    claim_stale_events = claim_within


class Caring(Reading):
    """A storage that promotes, cleans up, and whose reads can be interrupted."""

    blocks = True

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []
        self.interrupted = asyncio.Event()

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[Entry]:
        """Wait for the interruption."""
        await self.interrupted.wait()
        return SOME

    def interrupt_read(self, stream_name: str, group_name: str, consumer_name: str) -> None:
        self.requests.append(("interrupt", stream_name, group_name, consumer_name))
        self.interrupted.set()

    async def promote_due(self, stream_name: str, group_name: str) -> float | None:
        """Return the next scripted reply; then that no retry waits."""
        self.requests.append(("promote", stream_name, group_name))
        return self.waits.pop(0) if self.waits else None

    async def clean_up(self, stream_name: str, group_name: str, consumer_name: str) -> float:
        self.requests.append(("clean_up", stream_name, group_name, consumer_name))
        return 600.0


class EntrySink:
    """Accepts all entries, and records its calls."""

    def __init__(self) -> None:
        self.reported: list[tuple[Any, ...]] = []
        self.new: list[bool] = []
        self.alone: bool | None = True
        self.last_deliveries: list[list[Entry]] = []
        self.takes_long = 0.0
        self.has_room = asyncio.Event()
        self.has_room.set()

    async def room(self, *, claims: bool) -> int:
        """Return a constant for claims and for reads."""
        await self.has_room.wait()
        return 7 if claims else 10

    def take(self, entries: list[Entry]) -> None:
        self.reported.append(("take", entries))

    def take_claimed(self, entries: list[Entry]) -> bool:
        """Record them; return the next scripted answer whether any is new."""
        self.reported.append(("claimed", entries))
        return self.new.pop(0) if self.new else False

    def quotas(self) -> Quotas:
        return QUOTAS

    async def wait_for_quota(self, seconds: float) -> None:
        """Record the time, and wait forever."""
        self.reported.append(("wait", seconds))
        await asyncio.Event().wait()

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[bool | None]:
        """Yield the scripted answer."""
        yield self.alone

    def last_delivery_quotas(self) -> Quotas:
        return ONE

    async def run_exclusive(self, entries: list[Entry], *, alone: bool) -> bool:
        """Record them, and run for a while."""
        assert alone is self.alone
        self.last_deliveries.append(entries)
        await asyncio.sleep(self.takes_long)
        return bool(entries)

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        """Return the arguments of the recorded calls of one kind."""
        return [reported[1:] for reported in self.reported if reported[0] == kind]


class Sleeps(DueTimer):
    """Records how long the promoter would sleep, and sleeps for a moment."""

    def __init__(self) -> None:
        self.opened = -1  # its constructor calls open() once
        super().__init__()
        self.requests: list[float] = []

    def open(self) -> None:
        super().open()
        self.opened += 1

    async def sleep(self, seconds: float) -> None:
        self.requests.append(seconds)
        await asyncio.sleep(0.001)


def settings_with(**changes: Any) -> ConsumerSettings:
    usual: dict[str, Any] = {"poll_interval": 0.001, "lease": Lease.of(0.5), "claim_interval": 600.0}
    usual |= {"batch_count": 10, "concurrency": 1, "max_deliveries": 5, "grace": 30.0, "ack_delay": 0.005}
    return ConsumerSettings(**(usual | changes))


@asynccontextmanager
async def opened(
    storage: Any,
    sink: EntrySink,
    *,
    failures: int = 0,
    tuning: Tuning | None = None,
    due: DueTimer | None = None,
    **settings: Any,
) -> AsyncIterator[Fetcher]:
    """Run a fetcher that fails this many times within the block.

    By default, reads wait for the first claim, however long it takes.
    """
    reported: list[Incident] = []
    incidents = Incidents(lambda stream, incident, count: reported.append(incident))
    settings["tuning"] = tuning or Tuning(first_claim=600.0)
    made = Fetcher(storage, ME, settings_with(**settings), sink, incidents, due or DueTimer())
    made.open()
    try:
        yield made
    finally:
        if isinstance(storage, Claiming):
            storage.may_claim.set()
        await within_patience(made.close())
    assert reported == [Incident.OUTAGE] * failures


class TestReading:
    """Reading new entries."""

    async def test_reads_request_as_many_entries_as_there_is_capacity_for(self) -> None:
        storage, sink = Reading(), EntrySink()
        storage.unread = [SOME]
        async with opened(storage, sink):
            await eventually(lambda: len(storage.of("read")) > 3)
        assert set(storage.of("read")) == {(*ME, 10)}
        assert sink.reported == [("take", SOME)]

    async def test_an_empty_read_is_slept_over_where_the_storage_does_not_wait(self) -> None:
        storage, sink = Reading(), EntrySink()
        storage.unread = [SOME, SOME]
        async with opened(storage, sink, poll_interval=600):
            await eventually(lambda: len(storage.of("read")) == 3)
            await turns()
            assert len(storage.of("read")) == 3

    async def test_a_storage_that_blocks_is_read_again_at_once(self) -> None:
        storage, sink = Claiming(), EntrySink()
        async with opened(storage, sink, poll_interval=600):
            await eventually(lambda: len(storage.of("read")) > 3)

    async def test_without_capacity_nothing_is_read_during_a_close(self) -> None:
        storage, sink = Reading(), EntrySink()
        sink.has_room.clear()
        async with opened(storage, sink) as made:
            await asyncio.sleep(0)
            made._closing.set()
            sink.has_room.set()
            await asyncio.wait(made._loops)
        assert storage.of("read") == []

    async def test_after_a_failure_the_group_is_ensured_and_one_entry_requested(self) -> None:
        """The reply may have been too large to arrive."""
        storage, sink = Reading(), EntrySink()
        storage.unread = [SOME, RuntimeError("too large"), SOME, SOME, SOME, SOME]
        async with opened(storage, sink, failures=1):
            await eventually(lambda: len(storage.of("read")) >= 7)
        assert [count for *_, count in storage.of("read")[:7]] == [10, 10, 1, 2, 4, 8, 10]
        assert storage.of("create") == [(STREAM, GROUP)]
        at = [requests[0] for requests in storage.requests].index("create")
        assert len([requests for requests in storage.requests[:at] if requests[0] == "read"]) == 2


class TestClaiming:
    """Claiming entries that other consumers abandoned."""

    async def test_abandoned_entries_are_claimed_before_new_ones_are_read(self) -> None:
        storage, sink = Claiming(), EntrySink()
        storage.may_claim.clear()
        async with opened(storage, sink):
            await eventually(lambda: storage.of("claim"))
            for _ in range(20):
                await asyncio.sleep(0)
            assert storage.of("read") == []
            storage.may_claim.set()
            await eventually(lambda: storage.of("read"))
        assert storage.of("claim") == [(*ME, 500, 7, QUOTAS)]

    async def test_new_entries_do_not_wait_forever_for_claims(self) -> None:
        storage, sink = Claiming(), EntrySink()
        storage.may_claim.clear()
        async with opened(storage, sink, tuning=Tuning(first_claim=0.01)):
            await eventually(lambda: len(storage.of("read")) > 2)

    @pytest.mark.parametrize(
        ("count", "new", "size", "again"),
        [(7, True, 2, True), (6, True, 2, False), (7, False, 2, False), (1, True, BUDGET, True)],
        ids=["as many as asked for", "fewer", "all held already", "few large ones"],
    )
    async def test_claims_repeat_at_once_while_more_may_be_left(
        self, count: int, new: bool, size: int, again: bool
    ) -> None:
        entries: list[Entry] = [(f"{n}-0", Message({}, fields={b"data": b"x" * size})) for n in range(count)]
        storage, sink = Claiming(), EntrySink()
        storage.stale, sink.new = [ClaimResult(entries), ClaimResult([])], [new]
        async with opened(storage, sink):
            await eventually(lambda: sink.of("claimed"))
            await turns()
        assert sink.of("claimed") == [(entries,), ([],)][: 1 + again]

    async def test_a_claim_without_leftovers_waits_for_the_interval(self) -> None:
        storage, sink = Claiming(), EntrySink()
        async with opened(storage, sink, claim_interval=0.001):
            await eventually(lambda: len(storage.of("claim")) > 3)
        assert sink.of("wait") == []

    async def test_after_a_failure_one_entry_is_claimed(self) -> None:
        storage, sink = Claiming(), EntrySink()
        storage.stale = [RuntimeError("too large")]
        async with opened(storage, sink, failures=1, claim_interval=0.001):
            await eventually(lambda: len(storage.of("claim")) >= 5)
        assert [requests[4] for requests in storage.of("claim")[:5]] == [7, 1, 2, 4, 7]

    @pytest.mark.parametrize(
        ("held_back", "last_deliveries", "interval", "waits"),
        [(3, 0, 600, 600), (3, 3, 600, 1), (3, 2, 600, 600), (3, 3, 0.5, 0.5), (1, 0, 0.5, 0.5)],
    )
    async def test_entries_over_their_quota_are_claimed_when_capacity_is_free(
        self, held_back: int, last_deliveries: int, interval: float, waits: float
    ) -> None:
        storage, sink = Claiming(), EntrySink()
        storage.stale = [ClaimResult(SOME, held_back, last_deliveries)]
        async with opened(storage, sink, claim_interval=interval):
            await eventually(lambda: sink.of("wait"))
            assert sink.of("wait") == [(waits,)]
        assert sink.last_deliveries == ([[]] if last_deliveries else [])

    async def test_a_last_delivery_is_claimed_alone_and_what_waited_has_as_long_for_itself(self) -> None:
        storage, sink = Claiming(), EntrySink()
        storage.stale = [ClaimResult([], 1, 1), ClaimResult(SOME[:1]), ClaimResult([])]
        sink.takes_long = 0.05
        async with opened(storage, sink):
            await eventually(lambda: len(storage.of("claim")) == 3)
        _, began, ended = storage.claimed_at
        assert ended - began >= 2 * 0.045  # the run, and then the pause for the others
        assert sink.last_deliveries == [SOME[:1]]
        assert storage.of("claim")[1] == (*ME, 500, 1, ONE)
        assert sink.of("wait") == []

    @pytest.mark.parametrize("alone", [True, None])
    async def test_no_last_delivery_is_claimed_when_it_closes_or_another_runs(
        self, alone: bool | None
    ) -> None:
        storage, sink = Claiming(), EntrySink()
        sink.alone = alone
        async with opened(storage, sink) as made:
            await eventually(lambda: storage.of("claim"))
            if alone:
                await within_patience(made.close())
            assert not await made._has_run_last_delivery()
        assert [requests[4] for requests in storage.of("claim")] == [7]
        assert sink.last_deliveries == []

    async def test_without_capacity_nothing_is_claimed_during_a_close(self) -> None:
        storage, sink = Claiming(), EntrySink()
        sink.has_room.clear()
        async with opened(storage, sink) as made:
            await asyncio.sleep(0)
            made._closing.set()
            sink.has_room.set()
            await asyncio.wait(made._loops[1:])  # the reader waits for the claim
        assert storage.of("claim") == []


class TestCare:
    """Promoting, cleaning up, and closing."""

    @pytest.mark.parametrize(
        ("wait", "lease", "sleeps"),
        [(None, 60.0, 15.0), (None, 0.5, 2.5), (0.25, 60.0, 0.25), (77.0, 60.0, 5.0)],
    )
    async def test_the_promoter_sleeps_until_the_next_is_due_and_not_for_long(
        self, wait: float | None, lease: float, sleeps: float
    ) -> None:
        storage, due = Caring(), Sleeps()
        storage.waits = [wait]
        async with opened(storage, EntrySink(), lease=Lease.of(lease), claim_interval=2.0, due=due):
            await eventually(lambda: due.requests)
        assert due.requests[0] == sleeps
        assert due.opened == 1
        assert storage.of("promote")[0] == (STREAM, GROUP)

    async def test_cleanup_runs_at_the_storages_interval(self) -> None:
        storage = Caring()
        async with opened(storage, EntrySink()):
            await eventually(lambda: storage.of("clean_up"))
            await turns()
        assert storage.of("clean_up") == [tuple(ME)]

    async def test_a_read_is_interrupted_and_what_it_brings_is_taken(self) -> None:
        storage, sink = Caring(), EntrySink()
        async with opened(storage, sink) as made:
            await eventually(lambda: made._in_flight)
            await within_patience(made.close())
            assert storage.of("interrupt") == [tuple(ME)]
            assert sink.reported == [("take", SOME)]
            assert made._loops == []
            assert made._in_flight == set()

    async def test_a_read_that_keeps_blocking_is_cancelled(self) -> None:
        storage, sink = Reading(), EntrySink()
        storage.holding = asyncio.Event()
        async with opened(storage, sink, tuning=Tuning(read_patience=0.01)) as made:
            await eventually(lambda: storage.of("read"))
            await within_patience(made.close())
            assert sink.reported == []

    async def test_it_can_be_reopened(self) -> None:
        storage, sink = Claiming(), EntrySink()
        async with opened(storage, sink) as made:
            await eventually(lambda: storage.of("read"))
            await within_patience(made.close())
            storage.requests.clear()
            made.open()
            await eventually(lambda: storage.of("read"))
            assert storage.requests[0][0] == "claim"

    async def test_after_a_close_no_task_is_running(self) -> None:
        before = asyncio.all_tasks()
        for storage in (Claiming(), Caring(), Reading()):
            async with opened(storage, EntrySink(), poll_interval=600) as made:
                await eventually(lambda: storage.requests)  # noqa: B023 - awaited in this round
                await turns()
                await made.close()
                assert asyncio.all_tasks() == before


class TestPatience:
    """Waits in seconds, on a clock that the test advances."""

    async def test_new_entries_wait_up_to_a_second_for_the_first_claim(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock, storage = LoopClock(monkeypatch), Claiming()
        storage.may_claim.clear()
        async with opened(storage, EntrySink(), tuning=Tuning()):
            await turns()
            await clock.advance(0.3)
            assert storage.of("read") == []
            await clock.advance(1.2)
            assert storage.of("read")

    async def test_the_first_claim_is_waited_for_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A second read must not wait again if claims never end."""
        clock, storage = LoopClock(monkeypatch), Claiming()
        storage.may_claim.clear()
        storage.unread = [SOME] * 9
        async with opened(storage, EntrySink()):
            await turns()
            await clock.advance(601)
            assert len(storage.of("read")) > 3

    async def test_a_read_in_flight_is_waited_for_five_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock, storage, sink = LoopClock(monkeypatch), Reading(), EntrySink()
        storage.holding = asyncio.Event()
        storage.unread = [SOME]
        async with opened(storage, sink) as made:
            await eventually(lambda: storage.of("read"))
            closing = asyncio.create_task(made.close())
            await turns()
            await clock.advance(4.2)
            assert not closing.done()
            await clock.advance(1.3)
            assert closing.done()
            assert sink.reported == []

    async def test_a_claim_in_flight_is_waited_for_and_what_it_brings_is_taken(self) -> None:
        """The server may already have delivered the entries: they would be pending, unknown to any worker."""
        storage, sink = Claiming(), EntrySink()
        storage.stale = [ClaimResult(SOME)]
        storage.may_claim.clear()
        async with opened(storage, sink) as made:
            await eventually(lambda: storage.of("claim"))
            closing = asyncio.create_task(made.close())
            await turns()
            assert not closing.done()
            storage.may_claim.set()
            await within_patience(closing)
            assert sink.reported == [("claimed", SOME)]

    async def test_a_close_does_not_wait_for_idle_tasks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A reader waiting for capacity and a sleeping promoter end at once."""
        LoopClock(monkeypatch)
        storage, sink = Claiming(), EntrySink()
        sink.has_room.clear()
        async with opened(storage, sink) as made:
            await turns()
            closing = asyncio.create_task(made.close())
            await turns()
            assert closing.done()

    async def test_a_close_ends_the_wait_after_a_failure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock, storage = LoopClock(monkeypatch), Reading()
        storage.unread = [RuntimeError("no"), RuntimeError("no")]
        tuning = Tuning(backoff=Backoff(100.0, 100.0))
        async with opened(storage, EntrySink(), failures=1, tuning=tuning) as made:
            await turns()
            assert len(storage.of("read")) == 1
            await clock.advance(110)
            assert len(storage.of("read")) == 2
            closing = asyncio.create_task(made.close())
            await turns()
            assert closing.done()

    async def test_a_group_that_cannot_be_made_sure_of_is_one_more_failure(self) -> None:
        class Gone(Reading):
            left = 3

            async def create_group(self, stream_name: str, group_name: str) -> None:
                await super().create_group(stream_name, group_name)
                self.left -= 1
                if self.left:
                    raise ConnectionError("away")

        storage, sink = Gone(), EntrySink()
        storage.unread = [RuntimeError("no"), SOME]
        async with opened(storage, sink, failures=1, tuning=Tuning(backoff=Backoff(longest=0.0))):
            await eventually(lambda: sink.reported)
        assert storage.of("create") == [(STREAM, GROUP)] * 3

    async def test_claims_and_cleanup_wait_for_their_intervals(self, monkeypatch: pytest.MonkeyPatch) -> None:
        clock, claiming, caring = LoopClock(monkeypatch), Claiming(), Caring()
        async with opened(claiming, EntrySink(), claim_interval=100.0), opened(caring, EntrySink()):
            await turns()
            await clock.advance(90)
            assert len(claiming.of("claim")) == 1
            await clock.advance(20)
            assert len(claiming.of("claim")) == 2
            assert len(caring.of("clean_up")) == 1
            await clock.advance(500)
            assert len(caring.of("clean_up")) == 2

    async def test_a_stream_without_a_last_delivery_waits_for_the_quota(self) -> None:
        """Another stream of the process runs one: there is nothing to make up for."""
        storage, sink = Claiming(), EntrySink()
        storage.stale = [ClaimResult([], 1, 1), ClaimResult([])]
        async with opened(storage, sink):
            await eventually(lambda: sink.of("wait"))
            assert len(storage.of("claim")) == 2


class Plain(Reading):
    """A storage that claims without quotas."""

    def __init__(self) -> None:
        super().__init__()
        self.stale = [SOME]

    async def claim_stale_events(
        self, stream_name: str, group_name: str, consumer_name: str, min_idle_time: int, count: int
    ) -> list[Entry]:
        """Return the next scripted reply; nothing if there is none."""
        self.requests.append(("claim", stream_name, group_name, consumer_name, min_idle_time, count))
        await asyncio.sleep(0)
        return self.stale.pop(0) if self.stale else []


async def test_a_storage_without_quotas_is_read_up_to_the_capacity() -> None:
    storage, sink = Plain(), EntrySink()
    async with opened(storage, sink, lease=Lease.of(0.25)):
        await eventually(lambda: sink.of("claimed"))
    assert storage.of("claim") == [(*ME, 250, 7)]
    assert sink.of("claimed") == [(SOME,)]


async def test_an_unopened_fetcher_can_be_closed() -> None:
    made: Any = Caring()
    fetcher = Fetcher(made, ME, settings_with(), EntrySink(), Incidents(), DueTimer())
    await within_patience(fetcher.close())
    assert made.requests == [("interrupt", STREAM, GROUP, "me")]


def test_it_can_be_opened_in_another_event_loop() -> None:
    storage, sink = Caring(), EntrySink()
    fetchers: list[Fetcher] = []

    async def read() -> None:
        storage.interrupted = asyncio.Event()
        storage.interrupted.set()
        sink.reported.clear()
        sink.has_room = asyncio.Event()
        sink.has_room.set()
        if not fetchers:
            made: Any = storage
            settings = settings_with(poll_interval=600.0, lease=Lease.of(60.0))
            fetchers.append(Fetcher(made, ME, settings, sink, Incidents(), DueTimer()))
        fetchers[0].open()
        await eventually(lambda: sink.reported and storage.of("clean_up"))
        await within_patience(fetchers[0].close())
        assert storage.of("clean_up")

    for _ in range(2):
        asyncio.run(read())
        storage.requests.clear()
