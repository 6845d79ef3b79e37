"""The number of workers changes while entries run; each entry runs once, and none is cancelled."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from consuming import eventually, within_patience
from streamroute.core.consume.pool.key_ordering import KeyedQueue
from streamroute.core.consume.pool.worker_pool import WorkerPool


class Run:
    """A pool whose entries end when they are told to."""

    def __init__(self, concurrency: int, order: KeyedQueue | None = None, **settings: Any) -> None:
        self.ends: dict[str, asyncio.Event] = {}
        self.ended: list[str] = []
        self.running: set[str] = set()
        self.pool = WorkerPool(concurrency, self.handle, order, done=self.done, **settings)
        self.pool.open()

    async def handle(self, entry_id: str, payload: dict[str, Any]) -> None:
        self.running.add(entry_id)
        end = self.ends.setdefault(entry_id, asyncio.Event())
        while not end.is_set():
            try:
                await end.wait()
            except asyncio.CancelledError:
                if "ignores" not in payload:
                    raise

    def done(self, entry_id: str, payload: dict[str, Any]) -> None:
        self.running.discard(entry_id)
        self.ended.append(entry_id)

    def put(self, *names: str, **payload: Any) -> None:
        self.pool.put([(name, dict(payload)) for name in names])

    def end(self, *names: str) -> None:
        for name in names:
            self.ends.setdefault(name, asyncio.Event()).set()


async def test_more_workers_start_what_is_queued() -> None:
    run = Run(1)
    run.put(*"abcd")
    await eventually(lambda: run.running == {"a"})
    run.pool.resize(3)
    await eventually(lambda: run.running == set("abc"))
    assert run.pool.free == 0
    run.end(*"abcd")
    await within_patience(run.pool.close(1))
    assert sorted(run.ended) == list("abcd")


async def test_surplus_workers_end_after_their_entry() -> None:
    run = Run(4)
    run.put(*"abcdef")
    await eventually(lambda: run.running == set("abcd"))
    run.pool.resize(1)
    run.end("a", "c", "d")
    await eventually(lambda: len(run.ended) == 3)
    await asyncio.sleep(0.01)
    assert run.running == {"b"}
    run.end("b")
    await eventually(lambda: run.running == {"e"})
    run.end("e", "f")
    await eventually(lambda: run.pool.free == 1)
    await within_patience(run.pool.close(1))
    assert sorted(run.ended) == list("abcdef")


async def test_idle_workers_end_first() -> None:
    run = Run(3)
    run.put(*"abc")
    await eventually(lambda: len(run.running) == 3)
    run.end("a", "b")
    await eventually(lambda: run.pool.free == 2)
    run.pool.resize(1)
    await eventually(lambda: run.pool.free == 0)
    run.put("d")
    await asyncio.sleep(0.01)
    assert run.running == {"c"}
    run.end("c")
    await eventually(lambda: run.running == {"d"})
    run.end("d")
    await within_patience(run.pool.close(1))


async def test_stuck_workers_count() -> None:
    """With as many stuck ones as there may be workers, nothing starts, as if there never were more."""
    run = Run(2, stuck_after=0.01)
    run.put("stuck", ignores=True)
    run.put("a")
    await eventually(lambda: run.running == {"a", "stuck"})
    run.pool.drop("stuck")
    await eventually(lambda: run.pool.stuck == 1)
    run.pool.resize(1)
    run.end("a")
    await eventually(lambda: run.ended == ["a"])
    run.put("b")
    await asyncio.sleep(0.01)
    assert (run.pool.all_stuck, run.running) == (True, {"stuck"})
    run.pool.resize(2)
    await eventually(lambda: "b" in run.running)
    run.end("b", "stuck")
    await within_patience(run.pool.close(1))


async def test_a_worker_that_failed_is_replaced_unless_there_are_too_many() -> None:
    run = Run(3)
    run.put("a", "b", "c")
    await eventually(lambda: len(run.running) == 3)
    run.pool.resize(2)
    for worker in list(run.pool._workers)[:2]:
        assert worker.task is not None
        worker.task.cancel()
    await eventually(lambda: run.pool.running == 1)
    run.put("d", "e")
    await eventually(lambda: run.pool.running == 2)
    run.end(*"abcde")
    await eventually(lambda: run.pool.free == 2)
    await within_patience(run.pool.close(1))


async def test_a_closed_pool_starts_nothing_and_reopens_with_its_new_size() -> None:
    run = Run(1)
    await within_patience(run.pool.close(0))
    run.pool.resize(3)
    assert run.pool.free == 0
    run.pool.open()
    assert run.pool.free == 3
    await within_patience(run.pool.close(0))


@pytest.mark.parametrize("seed", range(20))
async def test_any_sequence_of_sizes_runs_each_entry_once(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    order = KeyedQueue(lambda payload: payload.get("key")) if seed % 2 else None
    run = Run(chance.randint(1, 6), order)
    names: list[str] = []
    for _ in range(200):
        match chance.randrange(4):
            case 0:
                new = [f"e{len(names) + number}" for number in range(chance.randint(1, 8))]
                names += new
                run.put(*new, key=chance.randint(1, 3))
            case 1:
                run.pool.resize(chance.randint(1, 6))
            case 2:
                run.end(*chance.sample(sorted(run.running), len(run.running) // 2))
            case 3:
                await asyncio.sleep(0)
    run.pool.resize(size := chance.randint(1, 6))
    run.end(*names)
    await eventually(lambda: len(run.ended) == len(names))
    await eventually(lambda: run.pool.free == size)
    assert sorted(run.ended) == sorted(names)
    assert len([worker for worker in run.pool._workers if not worker.retired]) <= size
    await within_patience(run.pool.close(1))


async def test_a_worker_that_was_to_end_and_stays_counts_its_next_result() -> None:
    run = Run(2)
    run.put(*"ab")
    await eventually(lambda: run.running == set("ab"))
    run.pool.resize(1)
    run.pool.put([("c", {}), ("d", {})])  # the reader goes first: the worker yields after this run
    run.pool.drop("b")
    await asyncio.sleep(0)
    assert run.pool.running == 1
    run.pool.resize(2)
    run.end(*"acd")
    await eventually(lambda: len(run.ended) == 3)
    await within_patience(run.pool.close(1))
    assert sorted(run.ended) == list("acd")
