"""A retired processor starts nothing, hands over what it has not started, and ends with its handlers."""

from __future__ import annotations

import asyncio
from typing import Any

from consuming import GROUP, STREAM, consuming, eventually, processor, within_patience
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.values import KnownRoutes


class Gate:
    """A callback that notes payloads, and waits until it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.started: list[str] = []
        self.ended: list[str] = []

    async def __call__(self, payload: dict[str, Any]) -> None:
        self.started.append(payload["n"])
        await self.opened.wait()
        self.ended.append(payload["n"])


def storage_of(*numbers: int) -> MemoryStreamStorage:
    storage = MemoryStreamStorage(block=0.02)
    add(storage, *numbers)
    return storage


def add(storage: MemoryStreamStorage, *numbers: int) -> None:
    for number in numbers:
        storage.add(STREAM, {"type": "booked", "n": str(number)})


async def test_another_consumer_gets_what_has_not_started() -> None:
    storage, old, new = storage_of(1, 2, 3), Gate(), Gate()
    new.opened.set()
    async with consuming(storage, old) as retired:
        await eventually(lambda: old.started and len(storage.pending(STREAM, GROUP)) == 3)
        retired.retire()
        draining = asyncio.create_task(retired.drain())
        async with consuming(storage, new):
            add(storage, 4)
            await eventually(lambda: sorted(new.ended) == ["2", "3", "4"])
        assert (old.started, draining.done()) == (["1"], False)
        old.opened.set()
        await within_patience(draining)
    assert (old.ended, storage.pending(STREAM, GROUP)) == (["1"], [])


async def test_entries_of_a_read_in_flight_do_not_start() -> None:
    storage, gate = storage_of(), Gate()
    async with consuming(storage, gate) as retired:
        await asyncio.sleep(0)
        add(storage, 1)
        retired.retire()
        await within_patience(retired.drain())
        assert gate.started == []
    released = Gate()
    released.opened.set()
    async with consuming(storage, released):
        await eventually(lambda: released.ended == ["1"])


async def test_it_is_idle_when_its_handlers_have_ended() -> None:
    storage, gate = storage_of(1), Gate()
    retired = processor(storage, gate)
    await retired.start_listening()
    await eventually(lambda: gate.started)
    retired.retire()
    draining = asyncio.create_task(retired.drain())
    await asyncio.sleep(0.05)
    assert not retired.is_idle
    gate.opened.set()
    await within_patience(draining)
    assert retired.is_idle


async def test_a_stop_ends_the_drain() -> None:
    storage, gate = storage_of(1), Gate()
    async with consuming(storage, gate, grace=0.01) as retired:
        await eventually(lambda: gate.started)
        retired.retire()
        draining = asyncio.create_task(retired.drain())
        await within_patience(retired.stop_listening())
        await within_patience(draining)
    assert gate.ended == []
    assert len(storage.pending(STREAM, GROUP)) == 1


async def test_a_drain_has_no_limit_of_time() -> None:
    storage, gate = storage_of(1), Gate()
    async with consuming(storage, gate, grace=0.0) as retired:
        await eventually(lambda: gate.started)
        retired.retire()
        draining = asyncio.create_task(retired.drain())
        await asyncio.sleep(0.05)
        gate.opened.set()
        await within_patience(draining)
    assert (gate.ended, storage.pending(STREAM, GROUP)) == (["1"], [])


async def test_others_do_not_leave_messages_to_its_routes() -> None:
    storage, gate = storage_of(), Gate()
    retired = processor(storage, gate, consumer="me")
    known = KnownRoutes(frozenset({"a"}), frozenset({"booked"}))
    retired.set_message_callback(gate, lambda: known)
    assert retired._current_known_routes() == known
    retired.retire()
    assert retired._current_known_routes() == KnownRoutes()


async def test_it_can_be_retired_before_it_starts() -> None:
    retired = processor(storage_of(1), Gate())
    retired.retire()
    await within_patience(retired.drain())
    assert retired.is_idle
