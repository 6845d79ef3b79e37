"""An entry lost and redelivered to the same worker: the older delivery does not end the newer one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from consuming import GROUP, STREAM, eventually, within_patience
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.core.consume.consumer import ConsumerId, ConsumerSettings
from streamroute.core.consume.entry_lifecycle import EntryLifecycle
from streamroute.core.consume.fetch.due_timer import DueTimer
from streamroute.core.observer import Result
from streamroute.core.processor import ignore_stuck
from streamroute.incidents import LOG_ONLY
from streamroute.message import Message
from streamroute.values import Lease, SettleResult

ME = ConsumerId(STREAM, GROUP, "me")
LIMITS = ConsumerSettings(
    batch_count=10, concurrency=2, max_deliveries=5, lease=Lease.of(60.0), grace=0.0, ack_delay=0.001
)


class SlowStorage(MemoryStreamStorage):
    """A storage whose settlements wait for ``proceed``."""

    def __init__(self) -> None:
        super().__init__(block=0.02)
        self.proceed = asyncio.Event()
        self.requests = 0

    async def settle(
        self, stream_name: str, group_name: str, consumer_name: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        self.requests += 1
        await self.proceed.wait()
        return await super().settle(stream_name, group_name, consumer_name, messages)


class Work:
    """A worker's entry handling, without the fetcher."""

    def __init__(self, storage: SlowStorage) -> None:
        self.storage = storage
        self.results: list[Result] = []
        self.started: list[int] = []
        self.proceed = {deliveries: asyncio.Event() for deliveries in (1, 3)}
        self.handling = EntryLifecycle(storage, ME, LIMITS, self._observe, LOG_ONLY, DueTimer(), ignore_stuck)
        self.handling.callback = self._handle

    async def lose_and_claim(self, entry_id: str) -> None:
        """Let another worker take the entry, and this one take it back."""
        for who in ("thief", "me"):
            taken = await self.storage.claim_stale_events(STREAM, GROUP, who, 0, 10)
            assert [name for name, _ in taken] == [entry_id]
            self.handling.on_lease_lost([(entry_id, 1)])
        self.handling.take_claimed(taken)

    async def _handle(self, payload: dict[str, Any]) -> None:
        assert isinstance(payload, Message)
        self.started.append(payload.deliveries)
        await self.proceed[payload.deliveries].wait()

    def _observe(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        self.results.append(result)


@pytest.fixture
async def work() -> AsyncIterator[Work]:
    """A worker that runs the first delivery of 1-0."""
    made = Work(SlowStorage())
    await made.storage.create_group(STREAM, GROUP)
    made.storage.add(STREAM, {"type": "booked"})
    made.handling.open()
    made.handling.take(await made.storage.read_events(STREAM, GROUP, "me", 1))
    await eventually(lambda: made.started == [1])
    yield made
    made.storage.proceed.set()
    await within_patience(made.handling.close())


def held(work: Work) -> dict[str, int]:
    """Return the worker's deliveries by entry id."""
    return {name: message.deliveries for name, message in work.handling.in_flight.snapshot().items()}


async def test_a_late_settlement_of_an_older_delivery_keeps_the_newer_one(work: Work) -> None:
    """Otherwise the running delivery's lease would not be renewed."""
    [entry_id] = held(work)
    work.proceed[1].set()
    await eventually(lambda: work.storage.requests)
    await work.lose_and_claim(entry_id)
    await eventually(lambda: work.started == [1, 3])
    work.storage.proceed.set()
    await eventually(lambda: work.results.count(Result.LOST) == 2)  # the lease, and the settlement
    await asyncio.sleep(0)
    assert held(work) == {entry_id: 3}
    work.proceed[3].set()
    await eventually(lambda: held(work) == {})
    assert work.storage.pending(STREAM, GROUP) == []


async def test_an_older_delivery_that_is_lost_drops_no_newer_one(work: Work) -> None:
    """The lost lease may be reported late."""
    [entry_id] = held(work)
    await work.lose_and_claim(entry_id)
    await eventually(lambda: work.started == [1, 3])
    lost = len(work.results)
    work.handling.on_lease_lost([(entry_id, 1), (entry_id, 2)])
    assert (held(work), len(work.results)) == ({entry_id: 3}, lost)
    work.storage.proceed.set()
    work.proceed[3].set()
    await eventually(lambda: work.storage.pending(STREAM, GROUP) == [])
    assert work.started == [1, 3]
