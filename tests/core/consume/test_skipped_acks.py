"""SkippedAcks: skipped entries are acknowledged soon, again and again if the storage is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from consuming import GROUP, STREAM, eventually
from loop_clock import LoopClock
from streamroute.core.consume.consumer import ConsumerId, ConsumerSettings
from streamroute.core.consume.fetch.prefetch import PrefetchWindow
from streamroute.core.consume.skipped_acks import SkippedAcks, skipped_acks
from streamroute.core.consume.tuning import Tuning
from streamroute.incidents import LOG_ONLY
from streamroute.outages import Backoff
from streamroute.values import Lease, SkippedEntries

CONSUMER = ConsumerId(STREAM, GROUP, "one")


def some(*ids: bytes) -> SkippedEntries:
    return SkippedEntries(ids, 5, len(ids), 100.0)


class SkippingStorage:
    """A storage that skips; it can be away, or answer late."""

    def __init__(self) -> None:
        self.sink: Any = None
        self.acked: list[bytes] = []
        self.called: list[int] = []
        self.is_away = False
        self.answers = asyncio.Event()
        self.answers.set()

    @property
    def calls(self) -> int:
        return len(self.called)

    def skip_into(self, stream_name: str, group_name: str, consumer_name: str, sink: Any) -> None:
        assert (stream_name, group_name, consumer_name) == CONSUMER
        self.sink = sink

    async def ack_skipped(
        self, stream_name: str, group_name: str, consumer_name: str, skipped: Sequence[SkippedEntries]
    ) -> None:
        assert (stream_name, group_name, consumer_name) == CONSUMER
        self.called.append(len(skipped))
        await self.answers.wait()
        if self.is_away:
            raise ConnectionError("away")
        self.acked += [entry_id for entries in skipped for entry_id in entries.ids]


def acks_of(
    storage: Any, *, accepts: bool = True, delay: float = 0.0, prefetch: PrefetchWindow | None = None
) -> SkippedAcks:
    tuning = Tuning(backoff=Backoff(longest=0.0), max_unsettled=3)
    settings = ConsumerSettings(
        batch_count=10,
        concurrency=1,
        max_deliveries=5,
        lease=Lease.of(60),
        grace=1.0,
        ack_delay=delay,
        tuning=tuning,
    )
    return skipped_acks(storage, CONSUMER, settings, prefetch, LOG_ONLY, lambda: accepts)


async def test_what_is_skipped_within_the_delay_is_acknowledged_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, storage = LoopClock(monkeypatch), SkippingStorage()
    acks = acks_of(storage, delay=1.0)
    acks.open()
    storage.sink.skip(some(b"1-0"))
    storage.sink.skip(some(b"2-0", b"3-0"))
    await clock.advance(0.9)
    assert storage.called == []
    await clock.advance(0.2)
    await eventually(lambda: storage.acked == [b"1-0", b"2-0", b"3-0"])
    assert storage.called == [2]
    await acks.close(1)


async def test_many_do_not_wait_for_others() -> None:
    storage = SkippingStorage()
    acks = acks_of(storage, delay=3600.0)
    acks.open()
    acks.skip(some(*[b"1-0"] * 499))
    acks.skip(some(b"2-0"))
    await eventually(lambda: len(storage.acked) == 500)
    await acks.close(1)


async def test_nothing_is_skipped_before_it_opens_after_it_closed_or_while_nothing_may_start() -> None:
    acks, refusing = acks_of(SkippingStorage()), acks_of(SkippingStorage(), accepts=False)
    states = [acks.is_open]
    acks.open()
    refusing.open()
    states += [acks.is_open, refusing.is_open]
    await acks.close(1)
    assert [*states, acks.is_open] == [False, True, False, False]


async def test_an_outage_is_survived_and_nothing_is_read_meanwhile(caplog: pytest.LogCaptureFixture) -> None:
    storage = SkippingStorage()
    storage.is_away = True
    acks = acks_of(storage)
    acks.open()
    acks.skip(some(b"1-0", b"2-0"))
    await acks.room()
    await eventually(lambda: storage.calls > 2)
    acks.skip(some(b"3-0"))
    waiting = asyncio.create_task(acks.room())
    calls = storage.calls
    await eventually(lambda: storage.calls > calls + 2)
    assert not waiting.done()
    storage.is_away = False
    await waiting
    assert storage.acked == [b"1-0", b"2-0", b"3-0"]
    await acks.close(1)
    assert "acknowledging entries of" in caplog.text


async def test_closing_acknowledges_what_waits() -> None:
    storage = SkippingStorage()
    acks = acks_of(storage, delay=3600.0)
    acks.open()
    acks.skip(some(b"1-0"))
    await acks.close(60)
    assert storage.acked == [b"1-0"]


async def test_closing_waits_for_an_answer_on_its_way() -> None:
    storage = SkippingStorage()
    acks = acks_of(storage)
    acks.open()
    storage.answers.clear()
    acks.skip(some(b"1-0"))
    await eventually(lambda: storage.calls)
    closing = asyncio.create_task(acks.close(60))
    acks.skip(some(b"2-0"))
    storage.answers.set()
    await closing
    assert storage.acked == [b"1-0", b"2-0"]


async def test_closing_gives_up_and_says_what_stays_pending(caplog: pytest.LogCaptureFixture) -> None:
    storage = SkippingStorage()
    storage.is_away = True
    acks = acks_of(storage)
    acks.open()
    acks.skip(some(b"1-0", b"2-0"))
    await acks.close(0.01)
    assert "2 entries that no route takes could not be acknowledged" in caplog.text
    storage.is_away, calls = False, storage.calls
    acks.open()
    await acks.flush(60)
    assert storage.calls == calls


async def test_the_size_of_reads_follows_what_is_skipped() -> None:
    window = PrefetchWindow(500, 0.1, lambda: 0.0)
    acks = acks_of(SkippingStorage(), delay=3600.0, prefetch=window)
    acks.open()
    acks.skip(some(*[b"1-0"] * 8))
    assert window.most == 16
    await acks.close(1)


async def test_a_storage_that_cannot_skip_has_nothing_to_acknowledge() -> None:
    acks = acks_of(object())
    acks.open()
    await acks.room()
    await acks.flush(60)
    assert not acks._count
    await acks.close(60)
