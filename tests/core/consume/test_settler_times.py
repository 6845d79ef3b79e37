"""Settler: when it writes, how many entries at a time, and what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from consuming import eventually, within_patience
from loop_clock import LoopClock, turns
from streamroute.core.consume.settler import Settler, Write, writer_for
from streamroute.core.consume.tuning import Tuning
from streamroute.message import Message
from streamroute.outages import Backoff
from streamroute.values import SettleResult

FOREVER = 600.0


class Storage:
    """A storage that records its writes; it may wait, fail a number of times, or refuse."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.released: list[str] = []
        self.lost: list[str] = []
        self.failures = 0
        self.answer = SettleResult()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def write(self, finished: Mapping[str, dict[str, Any]]) -> SettleResult:
        """Record the batch, and reply as scripted."""
        self.batches.append(list(finished))
        await self.may_go_on.wait()
        if self.failures:
            self.failures -= 1
            raise ConnectionError("away")
        answer, self.answer = self.answer, SettleResult()
        return answer

    def note_lost(self, ids: Iterable[str]) -> None:
        self.lost.extend(ids)

    @property
    def sizes(self) -> list[int]:
        """Return the size of each batch."""
        return list(map(len, self.batches))


AT_ONCE = Tuning(backoff=Backoff(longest=0.0))
"""Failures are retried at once."""


def waiting(first: float, longest: float) -> Tuning:
    """Return the tuning of a settler that waits so long after failures."""
    return Tuning(backoff=Backoff(first, longest))


def settler_of(
    storage: Storage,
    write: Write | None = None,
    *,
    delay: float = FOREVER,
    batch: int = 500,
    tuning: Tuning = AT_ONCE,
) -> Settler:
    return Settler(
        write or storage.write,
        stream="s",
        release=storage.released.extend,
        lost=storage.note_lost,
        delay=delay,
        batch=batch,
        tuning=tuning,
    )


@asynccontextmanager
async def opened(storage: Storage, **settings: Any) -> AsyncIterator[Settler]:
    settler = settler_of(storage, **settings)
    settler.open()
    try:
        yield settler
    finally:
        storage.may_go_on.set()
        await within_patience(settler.close(10))


def add(settler: Settler, *names: Any) -> None:
    for name in names:
        settler.add(str(name), {})


async def test_a_full_batch_does_not_wait_for_the_delay() -> None:
    storage = Storage()
    async with opened(storage, batch=3) as settler:
        add(settler, 1, 2)
        await turns()
        assert storage.batches == []
        add(settler, 3)
        await eventually(lambda: storage.batches == [["1", "2", "3"]])
        await eventually(lambda: storage.released == ["1", "2", "3"])


async def test_a_partial_batch_is_written_after_the_delay() -> None:
    storage = Storage()
    async with opened(storage, delay=0.01) as settler:
        for name in "12":
            add(settler, name)
            await eventually(lambda: name in storage.released)  # noqa: B023 - awaited in this round
    assert storage.batches == [["1"], ["2"]]


async def test_after_failures_batches_are_halved_and_after_successes_doubled() -> None:
    """It does not stay at one entry per call forever."""
    storage = Storage()
    storage.failures = 3
    async with opened(storage, batch=16) as settler:
        add(settler, *range(32))
        await eventually(lambda: len(storage.released) == 32)
        assert storage.sizes == [16, 8, 4, 2, 4, 8, 16, 2]
        assert storage.released == [str(n) for n in range(32)]
        add(settler, *range(100, 116))
        await eventually(lambda: len(storage.released) == 48)
    assert storage.sizes[-1] == 16


async def test_a_batch_size_of_one_grows_again() -> None:
    storage = Storage()
    storage.failures = 8
    async with opened(storage, batch=4) as settler:
        add(settler, *range(4))
        await eventually(lambda: len(storage.released) == 4)
        add(settler, *"abcd")
        await eventually(lambda: len(storage.released) == 8)
        assert storage.batches[-1] == list("abcd")


async def test_close_waits_for_a_slow_write_that_is_in_flight() -> None:
    storage = Storage()
    async with opened(storage, batch=1) as settler:
        storage.may_go_on.clear()
        add(settler, 1)
        await eventually(lambda: storage.batches)
        closing = asyncio.create_task(settler.close(FOREVER))
        await turns()
        assert not closing.done()
        storage.may_go_on.set()
        await within_patience(closing)
        assert storage.released == ["1"]
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_close_settles_entries_that_wait_for_the_delay_or_were_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    storage = Storage()
    async with opened(storage) as settler:
        storage.answer = SettleResult(refused={"2": "not now"})
        add(settler, 1, 2)
        await within_patience(settler.close(10))
        assert storage.batches == [["1", "2"], ["2"]]
        assert storage.released == ["1", "2"]
    assert "could not be settled" not in caplog.text


async def test_close_ends_when_its_patience_does(caplog: pytest.LogCaptureFixture) -> None:
    storage = Storage()
    storage.may_go_on.clear()
    async with opened(storage, batch=2) as settler:
        add(settler, 1, 2)
        await eventually(lambda: storage.batches)
        add(settler, 3)
        await within_patience(settler.close(0.01))
        assert "3 finished entries could not be settled" in caplog.text
        assert storage.released == []


async def test_flush_settles_at_once_and_waits_for_settlements_in_flight() -> None:
    storage = Storage()
    async with opened(storage, batch=2) as settler:
        storage.may_go_on.clear()
        add(settler, 1, 2)
        await eventually(lambda: storage.batches)
        add(settler, 3)
        flushing = asyncio.create_task(settler.flush(FOREVER))
        await turns()
        assert not flushing.done()
        storage.may_go_on.set()
        await within_patience(flushing)
        assert storage.released == ["1", "2", "3"]
        await within_patience(settler.flush(FOREVER))  # nothing to wait for


async def test_flush_does_not_wait_for_the_delay() -> None:
    storage = Storage()
    async with opened(storage) as settler:
        add(settler, 1)
        await within_patience(settler.flush(FOREVER))
        assert storage.released == ["1"]


async def test_flush_waits_only_for_settlements_in_flight() -> None:
    storage = Storage()
    async with opened(storage, batch=1) as settler:
        storage.may_go_on.clear()
        add(settler, 1)
        await eventually(lambda: storage.batches)
        flushing = asyncio.create_task(settler.flush(FOREVER))
        await turns()
        assert not flushing.done()
        storage.may_go_on.set()
        await within_patience(flushing)
        assert storage.released == ["1"]


async def test_it_can_be_reopened_in_another_event_loop() -> None:
    storage = Storage()
    async with opened(storage) as settler:
        add(settler, 1)
    settler.open()
    add(settler, 2)
    await within_patience(settler.close(10))
    assert storage.released == ["1", "2"]


async def test_flush_ends_when_its_patience_does() -> None:
    storage = Storage()
    storage.may_go_on.clear()
    async with opened(storage) as settler:
        add(settler, 1)
        await within_patience(settler.flush(0.01))
        assert storage.released == []


@pytest.mark.parametrize("where", ["finished", "in flight", "refused"])
async def test_intake_stops_while_too_much_is_unsettled(where: str) -> None:
    storage = Storage()
    tuning = Tuning(backoff=Backoff(FOREVER, FOREVER), max_unsettled=4)
    async with opened(storage, batch=10 if where == "finished" else 4, tuning=tuning) as settler:
        storage.may_go_on.clear()
        if where == "refused":
            storage.answer = SettleResult(refused=dict.fromkeys("123", "no"))
            storage.may_go_on.set()
        add(settler, 1, 2, 3)
        await within_patience(settler.room())
        add(settler, 4)
        await turns()
        if where == "refused":
            await eventually(lambda: storage.released == ["4"])
            add(settler, 5)
        waiting = asyncio.create_task(settler.room())
        await turns()
        assert not waiting.done()
        if where == "refused":
            settler._requeue({name: {} for name in "123"})
        storage.may_go_on.set()
        settler._flush_requested.set()
        await within_patience(waiting)


async def test_lost_entries_are_reported_and_released_and_refused_ones_are_kept() -> None:
    storage = Storage()
    async with opened(storage, batch=3) as settler:
        storage.answer = SettleResult(["1"], {"2": "not now"})
        add(settler, 1, 2, 3)
        await eventually(lambda: storage.released == ["1", "3", "2"])
        assert storage.lost == ["1"]
        assert storage.batches == [["1", "2", "3"], ["2"]]


async def test_an_entry_with_which_every_call_fails_is_tried_apart_from_the_others() -> None:
    """Bisection finds it, and no other entry is written together with it again."""
    storage, bad = Storage(), "2"

    async def write(finished: Mapping[str, dict[str, Any]]) -> SettleResult:
        storage.batches.append(list(finished))
        if bad in finished:
            raise RuntimeError("no")
        return SettleResult()

    settler = settler_of(storage, write, batch=4)
    settler.open()
    add(settler, 1, 2, 3, 4)
    await eventually(lambda: sorted(storage.released) == ["1", "3", "4"])
    add(settler, 5, 6, 7, 8)
    await eventually(lambda: len(storage.released) == 7)
    found = storage.batches.index([bad])
    assert all(bad not in batch or len(batch) == 1 for batch in storage.batches[found:])
    bad = "none"
    await within_patience(settler.close(10))
    assert len(storage.released) == 8


async def test_an_outage_is_logged_at_its_start_and_end(caplog: pytest.LogCaptureFixture) -> None:
    storage = Storage()
    storage.failures = 3
    async with opened(storage) as settler:
        add(settler, 1, 2)
        await within_patience(settler.flush(FOREVER))
        add(settler, 3)
        await within_patience(settler.flush(FOREVER))
    assert [message.split(" in ")[0] for message in caplog.messages] == [
        "settling entries of s failed; retrying: ConnectionError: away",
        "settling entries of s recovered after 3 failures",
    ]


async def test_an_entry_that_fails_alone_is_reported_as_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    storage, bad, calls = Storage(), {"bad"}, [0]

    async def write(finished: Mapping[str, dict[str, Any]]) -> SettleResult:
        calls[0] += 1
        await asyncio.sleep(0)
        if bad & finished.keys():
            raise RuntimeError("no")
        return SettleResult()

    settler = settler_of(storage, write, delay=0)
    settler.open()
    add(settler, "bad")
    await eventually(lambda: calls[0] > 5)
    assert "refused by the storage" not in caplog.text  # the storage itself may be down
    add(settler, 1)
    await eventually(lambda: "refused by the storage" in caplog.text)
    seen = calls[0]
    await eventually(lambda: calls[0] > seen + 5)
    assert caplog.text.count("(refused by the storage) failed") == 1
    assert storage.released == ["1"]
    bad.clear()
    await eventually(lambda: storage.released == ["1", "bad"])
    add(settler, 2)
    await eventually(lambda: "(refused by the storage) recovered" in caplog.text)
    await within_patience(settler.close(10))


async def test_by_default_batches_hold_five_hundred_and_a_thousand_stop_the_intake() -> None:
    storage = Storage()
    storage.may_go_on.clear()
    settler = settler_of(storage)
    settler.open()
    add(settler, *range(499))
    await turns()
    assert storage.batches == []
    add(settler, 499)
    await eventually(lambda: storage.sizes == [500])
    add(settler, *range(500, 1023))
    await within_patience(settler.room())
    add(settler, 1023)
    waiting = asyncio.create_task(settler.room())
    await turns()
    assert not waiting.done()
    storage.may_go_on.set()
    await within_patience(waiting)
    await within_patience(settler.close(10))
    assert len(storage.released) == 1024


async def test_the_delay_starts_with_the_first_entry_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the delay before ended early because its batch was full."""
    storage, clock = Storage(), LoopClock(monkeypatch)
    async with opened(storage, delay=100.0, batch=2) as settler:
        add(settler, 1)
        await clock.advance(50)
        add(settler, 2)
        await turns()
        assert storage.batches == [["1", "2"]]
        add(settler, 3)
        await clock.advance(60)
        assert storage.batches == [["1", "2"]]
        await clock.advance(50)
        assert storage.batches == [["1", "2"], ["3"]]


async def test_entries_that_finish_during_a_write_wait_for_their_own_delay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Written at once, they would be a small batch, and so would those that finish during its write."""
    storage, clock = Storage(), LoopClock(monkeypatch)
    async with opened(storage, delay=100.0, batch=2) as settler:
        storage.may_go_on.clear()
        add(settler, 1, 2)
        await eventually(lambda: storage.batches)
        add(settler, 3)
        storage.may_go_on.set()
        await eventually(lambda: storage.released == ["1", "2"])
        await turns()
        assert storage.batches == [["1", "2"]]
        await clock.advance(110)
        assert storage.batches == [["1", "2"], ["3"]]


async def test_the_streams_of_an_event_loop_are_settled_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full batch of one of them delays no other."""
    storages, clock = [Storage(), Storage()], LoopClock(monkeypatch)
    async with opened(storages[0], delay=100.0, batch=2) as one, opened(storages[1], delay=100.0) as other:
        add(one, 1)
        await clock.advance(60)
        add(other, 2)
        await clock.advance(50)
        assert [storage.batches for storage in storages] == [[["1"]], [["2"]]]
        add(one, 3)
        await clock.advance(10)
        add(other, 4)
        add(one, 5)
        await eventually(lambda: storages[0].batches == [["1"], ["3", "5"]])
        await clock.advance(100)
        assert storages[1].batches == [["2"], ["4"]]


async def test_a_running_delay_is_dropped_on_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise entries added after reopening would wait for a full batch."""
    storage, clock = Storage(), LoopClock(monkeypatch)
    async with opened(storage, delay=100.0, batch=2) as settler:
        add(settler, 3)  # starts its delay, and is written before that ends
        await within_patience(settler.close(10))
        settler.open()
        add(settler, 4)
        await clock.advance(110)
        assert storage.released == ["3", "4"]


async def test_what_finishes_while_it_is_closed_is_settled_when_it_opens() -> None:
    storage = Storage()
    settler = settler_of(storage)
    add(settler, 1)
    settler.open()
    await eventually(lambda: storage.released == ["1"])
    await within_patience(settler.close(10))
    add(settler, 2)
    settler.open()
    await eventually(lambda: storage.released == ["1", "2"])
    await within_patience(settler.close(10))


async def test_after_a_close_no_task_is_running() -> None:
    before = asyncio.all_tasks()
    settler = Settler(Storage().write, stream="s", tuning=AT_ONCE, release=print, lost=print, delay=FOREVER)
    settler.open()
    await turns()
    await settler.close(10)
    assert asyncio.all_tasks() == before
    await settler.close(10)


def test_it_can_be_opened_in_another_event_loop() -> None:
    storage = Storage()

    async def settle(settler: Settler, name: str) -> None:
        settler.open()
        add(settler, name)
        await within_patience(settler.flush(FOREVER))
        await within_patience(settler.close(10))

    settler = settler_of(storage)
    for name in "12":
        asyncio.run(settle(settler, name))
    assert storage.released == ["1", "2"]


async def test_after_a_failed_batch_the_newer_delivery_is_settled() -> None:
    """The fence would refuse the older one."""
    older, newer, storage = {"n": 1}, {"n": 2}, Storage()
    written: list[Mapping[str, Any]] = []

    async def write(finished: Mapping[str, dict[str, Any]]) -> SettleResult:
        written.append(dict(finished))
        if len(written) == 1:
            settler.add("1", newer)
        return await storage.write(finished)

    storage.failures = 1
    settler = settler_of(storage, write, batch=2)
    settler.open()
    settler.add("1", older)
    settler.add("2", {})
    await within_patience(settler.close(10))
    assert written == [{"1": older, "2": {}}, {"1": newer}, {"2": {}}]


async def test_refusals_end_when_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A success in between says nothing about the entry that waits for its next attempt."""
    storage, clock = Storage(), LoopClock(monkeypatch)
    async with opened(storage, batch=1, tuning=waiting(100.0, 100.0)) as settler:
        storage.answer = SettleResult(refused={"1": "no room"})
        add(settler, 1)
        await turns()
        add(settler, 2)
        await turns()
        assert storage.released == ["2"]
        assert [message.split(" in ")[0] for message in caplog.messages] == [
            "settling entries of s (refused by the storage) failed; retrying: no room"
        ]
        await clock.advance(110)
        assert storage.released == ["2", "1"]
        assert "(refused by the storage) recovered after 1 failures" in caplog.messages[-1]


async def test_an_entry_that_fails_alone_stays_refused_until_settled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Other entries settled at the time of its next attempt do not mean that it works."""
    storage, clock, bad = Storage(), LoopClock(monkeypatch), {"bad"}

    async def write(finished: Mapping[str, dict[str, Any]]) -> SettleResult:
        if bad & finished.keys():
            raise RuntimeError("no")
        return await storage.write(finished)

    settler = settler_of(storage, write, batch=1, tuning=waiting(100.0, 100.0))
    settler.open()
    add(settler, "bad", 0)
    await turns()
    await clock.advance(110)
    for n in (1, 2, 3):
        storage.may_go_on.clear()
        add(settler, n)
        await turns()
        await clock.advance(110)  # its next attempt comes while this one is written
        storage.may_go_on.set()
        await turns()
    assert storage.released == ["0", "1", "2", "3"]
    assert "(refused by the storage) failed" in caplog.text
    assert "(refused by the storage) recovered" not in caplog.text
    bad.clear()
    await clock.advance(110)
    await within_patience(settler.close(10))
    assert sorted(storage.released) == ["0", "1", "2", "3", "bad"]
    assert caplog.text.count("(refused by the storage) recovered") == 1
    assert caplog.text.count("(refused by the storage) failed") == 1


async def test_after_a_failure_the_settler_waits_before_the_next_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage, clock = Storage(), LoopClock(monkeypatch)
    async with opened(storage, batch=1, tuning=waiting(100.0, 200.0)) as settler:
        storage.failures = 1
        add(settler, 1)
        await turns()
        await clock.advance(90)
        assert storage.sizes == [1]
        await clock.advance(120)
        assert storage.released == ["1"]


class Acking:
    """A storage that acknowledges one entry per call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str]]] = []

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        assert (stream_name, group_name) == ("s", "g")
        self.calls.append(("ack one", [message_id]))


class AckingMany(Acking):
    """A storage that acknowledges several."""

    async def ack_events(self, stream_name: str, group_name: str, message_ids: Sequence[str]) -> None:
        assert (stream_name, group_name) == ("s", "g")
        self.calls.append(("ack", list(message_ids)))


class Settling(AckingMany):
    """A storage that settles messages."""

    async def settle(
        self, stream_name: str, group_name: str, consumer_name: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        """Record the ids; report the first as lost."""
        assert (stream_name, group_name, consumer_name) == ("s", "g", "me")
        self.calls.append(("settle", list(messages)))
        return SettleResult(list(messages)[:1])


@pytest.mark.parametrize(
    ("storage", "finished", "calls"),
    [
        (Acking(), "mp", [("ack one", ["0m"]), ("ack one", ["1p"])]),
        (AckingMany(), "mp", [("ack", ["0m", "1p"])]),
        (Settling(), "mm", [("settle", ["0m", "1m"])]),
        (Settling(), "mpm", [("ack", ["1p"]), ("settle", ["0m", "2m"])]),
        (Settling(), "pp", [("ack", ["0p", "1p"])]),
    ],
)
async def test_entries_are_finished_in_the_best_way_that_a_storage_has(
    storage: Any, finished: str, calls: list[tuple[str, list[str]]]
) -> None:
    """Payloads that are not messages can only be acknowledged."""
    write = writer_for(storage, "s", "g", "me")
    kinds: dict[str, dict[str, Any]] = {
        f"{n}{kind}": Message({}) if kind == "m" else {} for n, kind in enumerate(finished)
    }
    settled = await write(kinds)
    assert storage.calls == calls
    assert list(settled.lost) == [ids[0] for how, ids in calls if how == "settle"]
