"""WorkerPool: a pause, and the entries that run during it."""

from __future__ import annotations

import asyncio
from typing import Any

from consuming import eventually, within_patience
from loop_clock import turns
from streamroute.core.consume.pool.key_ordering import KeyedQueue
from worker_pools import entries, holding, opened


async def test_a_paused_pool_starts_nothing_until_resumed() -> None:
    proceed, alone, seen = asyncio.Event(), asyncio.Event(), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        await (alone if entry_id == "alone" else proceed).wait()

    async with opened(3, handle) as pool:
        pool.put(entries("1"))
        await eventually(lambda: seen == ["1"])
        pool.pause()
        pool.put(entries("2"))
        waiting = asyncio.create_task(pool.wait_idle())
        await asyncio.sleep(0)
        proceed.set()
        await within_patience(waiting)
        pool.put_exclusive(entries("alone"))
        await eventually(lambda: seen == ["1", "alone"])
        for _ in range(5):
            await asyncio.sleep(0)
        assert seen == ["1", "alone"]
        alone.set()
        await within_patience(pool.wait_idle())
        pool.resume()
        await eventually(lambda: seen == ["1", "alone", "2"])


async def test_an_unstarted_exclusive_entry_goes_first_after_the_pause() -> None:
    seen: list[str] = []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)

    async with opened(1, handle) as pool:
        pool.pause()
        pool.put(entries("1"))
        pool.put_exclusive(entries("alone"))
        pool.resume()
        await eventually(lambda: seen == ["alone", "1"])


async def test_an_exclusive_entry_has_its_key_before_queued_ones() -> None:
    """It is older; entries with its key wait for its end, and others do not."""
    proceed, seen = asyncio.Event(), []

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        seen.append(entry_id)
        if entry_id == "alone":
            await proceed.wait()

    def key_of(payload: dict[str, Any]) -> str:
        return str(payload["key"])

    async with opened(2, handle, KeyedQueue(key_of)) as pool:
        pool.pause()
        pool.put([("1", {"key": "a"}), ("2", {"key": "a"}), ("3", {"key": "b"})])
        pool.put_exclusive([("alone", {"key": "a"})])
        await eventually(lambda: seen == ["alone"])
        pool.resume()
        await eventually(lambda: seen == ["alone", "3"])
        pool.put([("4", {"key": "a"})])
        proceed.set()
        await eventually(lambda: seen == ["alone", "3", "1", "2", "4"])


async def test_a_pause_and_a_clear_take_what_was_to_run_alone_as_well() -> None:
    async with holding(1) as held:
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        held.pool.pause()
        held.pool.put(entries("2"))
        held.pool.put_exclusive(entries("3"))
        assert held.pool.queued == 1
        assert set(held.pool.clear()) == {"2", "3"}
        held.pool.resume()
        held.released("1")
        await eventually(lambda: held.pool.running == 0)
        assert held.started == ["1"]


async def test_waiting_for_the_others_includes_exclusive_entries() -> None:
    async with holding(2) as held:
        held.pool.pause()
        await within_patience(held.pool.wait_idle())
        held.pool.put(entries("1"))
        held.pool.put_exclusive(entries("2"))
        idle = asyncio.create_task(held.pool.wait_idle())
        await eventually(lambda: held.started == ["2"])
        assert not idle.done()
        held.released("2")
        await within_patience(idle)
        assert (held.started, held.pool.queued, held.pool.started) == (["2"], 1, 1)
        held.pool.resume()
        await eventually(lambda: held.started == ["2", "1"])
        assert held.pool.started == 2


async def test_an_exclusive_entry_runs_once_despite_several_pauses() -> None:
    async with holding(2) as held:
        for name in "123":
            held.pool.pause()
            held.pool.put_exclusive(entries(name))
            held.pool.resume()
            held.released(name)
            await eventually(lambda: name in held.done)  # noqa: B023 - awaited in this round
        await turns()
        assert held.started == ["1", "2", "3"]
        assert held.pool.started == 3


async def test_an_entry_that_is_queued_to_run_alone_is_waited_for() -> None:
    async with holding(1) as held:
        held.pool.pause()
        held.pool.put_exclusive(entries("1"))
        idle = asyncio.create_task(held.pool.wait_idle())
        await asyncio.sleep(0)
        assert not idle.done()
        held.released("1")
        await within_patience(idle)
        assert held.done == ["1"]


async def test_an_exclusive_entry_lost_before_its_start_does_not_run() -> None:
    """Waiting to run alone took so long that its lease ended: another worker has it."""
    async with holding(1) as held:
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        held.pool.pause()
        held.pool.put_exclusive(entries("alone", "other"))
        held.pool.drop("alone")
        held.pool.resume()
        held.released("1", "other")
        await eventually(lambda: held.done == ["1", "other"])
        assert held.started == ["1", "other"]


async def test_a_lost_exclusive_entry_is_not_waited_for() -> None:
    async with holding(1, stuck_after=0.01) as held:
        held.uncancellable = {"1"}
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        held.task("1").cancel()
        await eventually(lambda: held.reported == ["1"])
        held.pool.pause()
        held.pool.put_exclusive(entries("alone"))
        idle = asyncio.create_task(held.pool.wait_idle())
        await turns()
        assert not idle.done()
        held.pool.drop("alone")
        await within_patience(idle)
        assert held.started == ["1"]


async def test_a_lost_exclusive_entry_lets_the_next_with_its_key_start() -> None:
    async with holding(2, order=KeyedQueue(lambda payload: payload["key"])) as held:
        held.pool.pause()
        held.pool.put([("1", {"key": "a"}), ("2", {"key": "a"})])
        held.pool.put_exclusive([("alone", {"key": "a"})])
        held.pool.drop("alone")
        held.pool.resume()
        await eventually(lambda: held.started == ["1"])
        held.released("1")
        await eventually(lambda: held.started == ["1", "2"])


async def test_an_exclusive_entry_counts_as_waiting_until_it_starts() -> None:
    async with holding(1) as held:
        held.pool.put(entries("1"))
        await eventually(lambda: held.started == ["1"])
        held.pool.pause()
        held.pool.put(entries("2"))
        held.pool.put_exclusive(entries("alone"))
        assert sorted(held.pool.waiting()) == ["2", "alone"]
        held.released("1")
        await eventually(lambda: held.started == ["1", "alone"])
        assert list(held.pool.waiting()) == ["2"]
        held.released("alone")
        held.pool.resume()
