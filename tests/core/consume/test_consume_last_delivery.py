"""An entry that may kill its process runs alone in it, and causes no dead letter of another entry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from consuming import GROUP, STREAM, eventually, within_patience
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.core.consume.tuning import Tuning
from streamroute.core.processor import RedisStreamProcessor
from streamroute.message import Message
from streamroute.values import SettleResult

OTHER = "payments"
LAST = 3


class Noted(MemoryStreamStorage):
    """A storage that records claims and settlements in order."""

    def __init__(self) -> None:
        super().__init__(block=0.02, lease=0.2)
        self.events: list[str] = []
        self.slow = asyncio.Event()
        self.slow.set()

    async def settle(
        self, stream_name: str, group_name: str, consumer_name: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        await self.slow.wait()
        self.events += [f"settled {message['n']}" for message in messages.values()]
        return await super().settle(stream_name, group_name, consumer_name, messages)

    def abandon(self, stream: str, deliveries: int, *numbers: str) -> None:
        """Add entries delivered this often without an outcome, to workers now dead."""
        entries = self._server.stream(stream)
        for number in numbers:
            entry_id = self.add(stream, {"type": "booked", "n": number})
            group = entries.groups[GROUP]
            ((name, _),) = entries.read(group, "dead", 1, now=0)
            assert name == entry_id
            group.pending[entry_id].deliveries = deliveries


class Runs:
    """Records each run, and which others run at that time."""

    def __init__(self, events: list[str]) -> None:
        self.running: set[str] = set()
        self.beside: dict[str, set[str]] = {}
        self.proceed: dict[str, asyncio.Event] = {}
        self._events = events

    async def handle(self, payload: dict[str, Any]) -> None:
        number = payload["n"]
        self._events.append(f"started {number}")
        self.beside[number] = set(self.running)
        self.running.add(number)
        try:
            await (self.proceed[number].wait() if number in self.proceed else asyncio.sleep(0.002))
        finally:
            self.running.discard(number)


@asynccontextmanager
async def served(storage: Noted, runs: Runs, *streams: str, **settings: Any) -> AsyncIterator[None]:
    """Run processors of these streams in one event loop."""
    quick = {"poll_interval": 0.01, "claim_interval": 0.01, "ack_delay": 0.001, "lease": 0.2, "grace": 5.0}
    quick |= {"max_deliveries": LAST}
    async with AsyncExitStack() as stack:
        for stream in streams:
            worker = RedisStreamProcessor(storage, stream, GROUP, "me", concurrency=4, **(quick | settings))
            worker.set_message_callback(runs.handle)
            await worker.start_listening()
            stack.push_async_callback(lambda worker: within_patience(worker.stop_listening()), worker)
        yield


async def made() -> tuple[Noted, Runs]:
    storage = Noted()
    for stream in (STREAM, OTHER):
        await storage.create_group(stream, GROUP)
    return storage, Runs(storage.events)


def is_done(storage: Noted) -> bool:
    return not any(
        storage.pending(stream, GROUP) or storage.unread(stream, GROUP) for stream in (STREAM, OTHER)
    )


async def test_each_last_delivery_is_settled_before_the_next_one_starts() -> None:
    storage, runs = await made()
    storage.abandon(STREAM, LAST - 1, "a", "b", "c")
    async with served(storage, runs, STREAM):
        await eventually(lambda: is_done(storage))
    assert storage.events == [f"{what} {n}" for n in "abc" for what in ("started", "settled")]
    assert storage.dead_letters(STREAM, GROUP) == []


async def test_ended_entries_are_settled_before_a_last_delivery_starts() -> None:
    """Otherwise it would be redelivered if the last delivery kills the process."""
    storage, runs = await made()
    for n in range(20):
        storage.add(STREAM, {"type": "booked", "n": str(n)})
    storage.abandon(OTHER, LAST - 1, "suspect")
    async with served(storage, runs, STREAM, ack_delay=0.05):
        await eventually(lambda: len(runs.beside) == 20)
        async with served(storage, runs, OTHER):
            await eventually(lambda: is_done(storage))
    at = storage.events.index("started suspect")
    assert runs.beside["suspect"] == set()
    started = {event.split()[1] for event in storage.events[:at] if event.startswith("started")}
    assert started - {"suspect"}


async def test_entries_of_other_streams_do_not_run_beside_a_suspect() -> None:
    storage, runs = await made()
    runs.proceed["suspect"] = asyncio.Event()
    storage.abandon(STREAM, LAST - 1, "suspect")
    async with served(storage, runs, STREAM, OTHER, lease=5):
        await eventually(lambda: "suspect" in runs.running)
        storage.add(OTHER, {"type": "booked", "n": "other"})
        await eventually(lambda: storage.pending(OTHER, GROUP))
        assert "other" not in runs.beside
        runs.proceed["suspect"].set()
        await eventually(lambda: is_done(storage))
    assert (runs.beside["suspect"], runs.beside["other"]) == (set(), set())


async def test_a_stream_that_starts_meanwhile_starts_nothing_beside_a_suspect() -> None:
    storage, runs = await made()
    runs.proceed["suspect"] = asyncio.Event()
    storage.abandon(STREAM, LAST - 1, "suspect")
    storage.add(OTHER, {"type": "booked", "n": "other"})
    async with served(storage, runs, STREAM, lease=5):
        await eventually(lambda: "suspect" in runs.running)
        async with served(storage, runs, OTHER, lease=5):
            await eventually(lambda: storage.pending(OTHER, GROUP))
            for _ in range(20):
                await asyncio.sleep(0.002)
            assert "other" not in runs.beside
            runs.proceed["suspect"].set()
            await eventually(lambda: is_done(storage))
    assert (runs.beside["suspect"], runs.beside["other"]) == (set(), set())


async def test_beside_a_last_delivery_that_is_not_left_alone_nothing_new_starts() -> None:
    """A handler already running may be killed with it; a new one may not."""
    storage, runs = await made()
    for name in ("endless", "suspect"):
        runs.proceed[name] = asyncio.Event()
    storage.add(STREAM, {"type": "booked", "n": "endless"})
    async with served(storage, runs, STREAM, lease=20, tuning=Tuning(last_delivery_patience=0.3)):
        await eventually(lambda: "endless" in runs.running)
        storage.abandon(STREAM, LAST - 1, "suspect")
        await eventually(lambda: "suspect" in runs.running)
        assert runs.beside["suspect"] == {"endless"}
        storage.add(STREAM, {"type": "booked", "n": "new"})
        for _ in range(50):
            await asyncio.sleep(0.002)
        assert "new" not in runs.beside
        runs.proceed["suspect"].set()
        await eventually(lambda: "new" in runs.beside)
        runs.proceed["endless"].set()
        await eventually(lambda: is_done(storage))


async def test_two_streams_never_have_a_last_delivery_at_once() -> None:
    """Not even if the first one has started beside others because it waited too long."""
    storage, runs = await made()
    runs.proceed["first"] = asyncio.Event()
    storage.abandon(STREAM, LAST - 1, "first")
    async with served(storage, runs, STREAM, OTHER):
        await eventually(lambda: "first" in runs.running)
        storage.abandon(OTHER, LAST - 1, "second")
        storage.add(OTHER, {"type": "booked", "n": "usual"})
        await eventually(lambda: "usual" in runs.beside)
        assert "second" not in runs.beside
        runs.proceed["first"].set()
        await eventually(lambda: is_done(storage))
    assert runs.beside["second"] == set()


async def test_a_last_delivery_is_not_claimed_before_it_runs() -> None:
    """A crash in the meantime costs it no delivery."""
    storage, runs = await made()
    runs.proceed["endless"] = asyncio.Event()
    storage.add(STREAM, {"type": "booked", "n": "endless"})
    async with served(storage, runs, STREAM, lease=20):
        await eventually(lambda: "endless" in runs.running)
        storage.abandon(STREAM, LAST - 1, "suspect")
        for _ in range(50):
            await asyncio.sleep(0.002)
        group = storage._server.stream(STREAM).groups[GROUP]
        [suspect] = [held for held in group.pending.values() if held.consumer == "dead"]
        assert suspect.deliveries == LAST - 1
        runs.proceed["endless"].set()
        await eventually(lambda: is_done(storage))
    assert runs.beside["suspect"] == set()


async def test_new_messages_run_between_suspects() -> None:
    """Many last deliveries delay new entries by one of them at a time."""
    storage, runs = await made()
    storage.abandon(STREAM, LAST - 1, *(f"s{n}" for n in range(12)))
    async with served(storage, runs, STREAM):
        await eventually(lambda: any(event.startswith("started s") for event in storage.events))
        storage.add(STREAM, {"type": "booked", "n": "new"})
        await eventually(lambda: is_done(storage))
    started = [event.split()[1] for event in storage.events if event.startswith("started")]
    assert started.index("new") < len(started) - 1


async def test_an_entry_beyond_its_last_delivery_is_dead_lettered_without_running() -> None:
    storage, runs = await made()
    storage.abandon(STREAM, LAST, "gone")
    async with served(storage, runs, STREAM):
        await eventually(lambda: storage.dead_letters(STREAM, GROUP))
        await eventually(lambda: is_done(storage))
    assert runs.beside == {}


async def test_with_one_delivery_entries_run_concurrently_and_once() -> None:
    """Otherwise each would run alone, or none would be dead-lettered."""
    storage, runs = await made()
    numbers = ["1", "2", "3"]
    for number in numbers:
        runs.proceed[number] = asyncio.Event()
        storage.add(STREAM, {"type": "booked", "n": number})
    async with served(storage, runs, STREAM, max_deliveries=1):
        await eventually(lambda: runs.running == set(numbers))
        storage.abandon(STREAM, 1, "crashed")
        await eventually(lambda: storage.dead_letters(STREAM, GROUP))
        assert len(runs.running) == 3
        for event in runs.proceed.values():
            event.set()
        await eventually(lambda: is_done(storage))
    assert runs.beside.keys() == set(numbers)
    [dead] = storage.dead_letters(STREAM, GROUP)
    assert "delivered 1 times without an outcome" in dead.reason


async def test_an_entry_that_awaits_its_dead_letter_is_not_redelivered() -> None:
    """However many workers died before it was written."""
    storage, runs = await made()
    storage.abandon(STREAM, LAST + 5, "gone")
    async with served(storage, runs, STREAM):
        await eventually(lambda: storage.dead_letters(STREAM, GROUP))
    [letter] = storage.dead_letters(STREAM, GROUP)
    assert letter.deliveries == LAST + 1
    assert letter.reason.startswith(f"delivered {LAST} times")


async def test_entries_before_their_last_delivery_share_few_workers() -> None:
    storage, runs = await made()
    numbers = [str(n) for n in range(10)]
    for number in numbers:
        runs.proceed[number] = asyncio.Event()
    storage.abandon(STREAM, LAST - 2, *numbers)
    async with served(storage, runs, STREAM):
        await eventually(lambda: runs.running)
        for _ in range(50):
            await asyncio.sleep(0.002)
        assert len(runs.running) == 1
        pending = storage._server.stream(STREAM).groups[GROUP].pending.values()
        assert len([held for held in pending if held.deliveries > 1]) == 1
        for event in runs.proceed.values():
            event.set()
        await eventually(lambda: is_done(storage))
    assert storage.dead_letters(STREAM, GROUP) == []


async def test_entries_released_by_a_clean_stop_run_before_new_ones() -> None:
    storage, runs = await made()
    for n in range(6):
        storage.add(STREAM, {"type": "booked", "n": str(n)})
    read: dict[str, Any] = dict(await storage.read_events(STREAM, GROUP, "before", 4))
    await storage.release(STREAM, GROUP, "before", read, started=False)
    worker = RedisStreamProcessor(storage, STREAM, GROUP, "me", concurrency=1, claim_interval=0.01)
    worker.set_message_callback(runs.handle)
    await worker.start_listening()
    await eventually(lambda: is_done(storage))
    await worker.stop_listening()
    assert [event.split()[1] for event in storage.events if event.startswith("started")] == list("012345")
