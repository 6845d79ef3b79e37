"""The settler: when it writes, how many entries at a time, and what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from consuming import eventually, within_patience
from streamroute.core import backoff, settling
from streamroute.core.settling import Settler, writer_for
from streamroute.message import Message
from streamroute.values import Settled

FOREVER = 600.0


class Storage:
    """What is written, and how the storage answers: it may wait, fail so often, or refuse."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.released: list[str] = []
        self.lost: list[str] = []
        self.failures = 0
        self.answer = Settled()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def write(self, finished: Mapping[str, dict[str, Any]]) -> Settled:
        """Note the batch, and answer."""
        self.batches.append(list(finished))
        await self.may_go_on.wait()
        if self.failures:
            self.failures -= 1
            raise ConnectionError("away")
        answer, self.answer = self.answer, Settled()
        return answer

    def note_lost(self, ids: Iterable[str]) -> None:
        """Note these ids."""
        self.lost.extend(ids)

    @property
    def sizes(self) -> list[int]:
        """How many entries each batch had."""
        return list(map(len, self.batches))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again at once."""
    monkeypatch.setattr(backoff, "_LONGEST", 0.0)


@asynccontextmanager
async def opened(storage: Storage, *, delay: float = FOREVER, batch: int = 500) -> AsyncIterator[Settler]:
    settler = Settler(
        storage.write,
        stream="s",
        release=storage.released.extend,
        lost=storage.note_lost,
        delay=delay,
        batch=batch,
    )
    settler.open()
    try:
        yield settler
    finally:
        storage.may_go_on.set()
        await within_patience(settler.close(10))


def add(settler: Settler, *names: Any) -> None:
    for name in names:
        settler.add(str(name), {})


async def turns() -> None:
    """Let the event loop turn a few times."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_full_batch_does_not_wait_for_the_delay() -> None:
    storage = Storage()
    async with opened(storage, batch=3) as settler:
        add(settler, 1, 2)
        await turns()
        assert storage.batches == []
        add(settler, 3)
        await eventually(lambda: storage.batches == [["1", "2", "3"]])
        await eventually(lambda: storage.released == ["1", "2", "3"])


async def test_what_is_no_full_batch_is_written_after_the_delay() -> None:
    storage = Storage()
    async with opened(storage, delay=0.01) as settler:
        for name in "12":
            add(settler, name)
            await eventually(lambda: name in storage.released)  # noqa: B023 - awaited in this round
    assert storage.batches == [["1"], ["2"]]


async def test_after_failures_batches_are_halved_and_after_successes_doubled() -> None:
    """It does not stay at one entry a call for the rest of its life."""
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


async def test_one_entry_a_call_is_not_the_end_of_it() -> None:
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


async def test_close_settles_what_waits_for_the_delay_and_what_was_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    storage = Storage()
    async with opened(storage) as settler:
        storage.answer = Settled(refused={"2": "not now"})
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


async def test_flush_settles_at_once_and_waits_for_what_is_in_flight() -> None:
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
        await within_patience(settler.flush(FOREVER))  # there is nothing to wait for


async def test_flush_does_not_wait_for_the_delay() -> None:
    storage = Storage()
    async with opened(storage) as settler:
        add(settler, 1)
        await within_patience(settler.flush(FOREVER))
        assert storage.released == ["1"]


async def test_flush_waits_for_what_is_in_flight_alone() -> None:
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


async def test_it_may_be_opened_again_in_another_event_loop() -> None:
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
async def test_nothing_more_is_taken_in_while_too_much_is_left(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(settling, "_MOST", 4)
    storage = Storage()
    async with opened(storage, batch=10 if where == "finished" else 4) as settler:
        storage.may_go_on.clear()
        if where == "refused":
            monkeypatch.setattr(backoff, "_LONGEST", FOREVER)
            monkeypatch.setattr(backoff, "_FIRST", FOREVER)
            storage.answer = Settled(refused=dict.fromkeys("123", "no"))
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
            settler._offer_again({name: {} for name in "123"})
        storage.may_go_on.set()
        settler._kick.set()
        await within_patience(waiting)


async def test_what_was_lost_is_told_and_let_go_and_what_was_refused_is_neither() -> None:
    storage = Storage()
    async with opened(storage, batch=3) as settler:
        storage.answer = Settled(["1"], {"2": "not now"})
        add(settler, 1, 2, 3)
        await eventually(lambda: storage.released == ["1", "3", "2"])
        assert storage.lost == ["1"]
        assert storage.batches == [["1", "2", "3"], ["2"]]


async def test_an_entry_with_which_every_call_fails_is_tried_apart_from_the_others() -> None:
    """It is found by halves, and no other is written with it again."""
    storage, bad = Storage(), "2"

    async def write(finished: Mapping[str, dict[str, Any]]) -> Settled:
        storage.batches.append(list(finished))
        if bad in finished:
            raise RuntimeError("no")
        return Settled()

    settler = Settler(
        write, stream="s", release=storage.released.extend, lost=storage.note_lost, delay=FOREVER, batch=4
    )
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


async def test_an_outage_is_told_at_its_beginning_and_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    storage = Storage()
    storage.failures = 3
    async with opened(storage) as settler:
        add(settler, 1, 2)
        await within_patience(settler.flush(FOREVER))
        add(settler, 3)
        await within_patience(settler.flush(FOREVER))
    assert [message.split(" in ")[0] for message in caplog.messages] == [
        "settling entries of s failed, trying again until it works: ConnectionError: away",
        "settling entries of s works again after 3 failures",
    ]


async def test_one_that_fails_alone_while_others_succeed_is_said_to_be_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    storage, bad, calls = Storage(), {"bad"}, [0]

    async def write(finished: Mapping[str, dict[str, Any]]) -> Settled:
        calls[0] += 1
        await asyncio.sleep(0)
        if bad & finished.keys():
            raise RuntimeError("no")
        return Settled()

    settler = Settler(write, stream="s", release=storage.released.extend, lost=storage.note_lost, delay=0)
    settler.open()
    add(settler, "bad")
    await eventually(lambda: calls[0] > 5)
    assert "refused by the storage" not in caplog.text  # it may be the storage that is away
    add(settler, 1)
    await eventually(lambda: "refused by the storage" in caplog.text)
    seen = calls[0]
    await eventually(lambda: calls[0] > seen + 5)
    assert caplog.text.count("(refused by the storage) failed") == 1
    assert storage.released == ["1"]
    bad.clear()
    await eventually(lambda: storage.released == ["1", "bad"])
    add(settler, 2)
    await eventually(lambda: "(refused by the storage) works again" in caplog.text)
    await within_patience(settler.close(10))


class Acking:
    """A storage that acks one entry a call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str]]] = []

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        """Note the id."""
        assert (stream_name, group_name) == ("s", "g")
        self.calls.append(("ack one", [message_id]))


class AckingMany(Acking):
    """One that acks many."""

    async def ack_events(self, stream_name: str, group_name: str, message_ids: Sequence[str]) -> None:
        """Note the ids."""
        assert (stream_name, group_name) == ("s", "g")
        self.calls.append(("ack", list(message_ids)))


class Settling(AckingMany):
    """One that settles messages."""

    async def settle(
        self, stream_name: str, group_name: str, consumer_name: str, messages: Mapping[str, Message]
    ) -> Settled:
        """Note the ids; the first had gone."""
        assert (stream_name, group_name, consumer_name) == ("s", "g", "me")
        self.calls.append(("settle", list(messages)))
        return Settled(list(messages)[:1])


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
    """Payloads that are no messages can only be acked."""
    write = writer_for(storage, "s", "g", "me")
    kinds: dict[str, dict[str, Any]] = {
        f"{n}{kind}": Message({}) if kind == "m" else {} for n, kind in enumerate(finished)
    }
    settled = await write(kinds)
    assert storage.calls == calls
    assert list(settled.lost) == [ids[0] for how, ids in calls if how == "settle"]
