"""Plain functions in threads: those that continue after their cancellation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest

from consuming import GROUP, STREAM, eventually, within_patience
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.core.consume.consumer import ConsumerId, ConsumerSettings
from streamroute.core.consume.entry_lifecycle import EntryLifecycle
from streamroute.core.consume.fetch.due_timer import DueTimer
from streamroute.core.consume.pool.worker_pool import WorkerPool
from streamroute.core.observer import ignore_result
from streamroute.core.stack_traces import thread_stack
from streamroute.core.thread_call import ABANDONED_CALLS, ThreadCall
from streamroute.incidents import Incident, Incidents
from streamroute.values import Lease


class Blocked:
    """A function that runs until released."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.proceed = threading.Event()

    def hang(self) -> str:
        """Return when released."""
        self.begun.set()
        self.proceed.wait(60)
        return "done"


@asynccontextmanager
async def blocked() -> AsyncIterator[Blocked]:
    function = Blocked()
    try:
        yield function
    finally:
        function.proceed.set()
        await eventually(lambda: not ABANDONED_CALLS)


class Plain:
    """WorkerPool whose handlers are plain functions; the one for ``hang`` times out at once."""

    def __init__(self, function: Blocked, concurrency: int, **settings: Any) -> None:
        self.done: list[str] = []
        self.reported: list[str] = []
        self.function = function
        self.pool = WorkerPool(
            concurrency,
            self._handle,
            done=lambda entry_id, payload: self.done.append(entry_id),
            stuck=lambda entry_id, payload, worker: self.reported.append(entry_id),
            **settings,
        )

    async def _handle(self, entry_id: str, payload: dict[str, Any]) -> None:
        if not entry_id.startswith("hang"):
            await ThreadCall(lambda: None).result()
            return
        running = ThreadCall(self.function.hang).result()
        try:
            async with asyncio.timeout(None) as limit:
                asyncio.get_running_loop().call_later(0.001, self._expire, limit)
                await running
        except TimeoutError:
            return  # an outcome like any other

    def _expire(self, limit: asyncio.Timeout) -> None:
        if self.function.begun.is_set():
            limit.reschedule(0)
        else:
            asyncio.get_running_loop().call_later(0.001, self._expire, limit)


@asynccontextmanager
async def hanging(concurrency: int, *more: str, **settings: Any) -> AsyncIterator[Plain]:
    """Run a WorkerPool that starts with a function hanging past its timeout, and continues with ``more``."""
    async with blocked() as function:
        plain = Plain(function, concurrency, **settings)
        plain.pool.open()
        plain.pool.put([(entry_id, {}) for entry_id in ("hang", *more)])
        yield plain


async def test_the_result_is_the_function_s() -> None:
    assert await ThreadCall(lambda: threading.current_thread() is threading.main_thread()).result() is False


async def test_a_call_that_is_cancelled_before_its_thread_begins_does_not_run() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    ran = []
    async with blocked() as function:
        first = asyncio.create_task(ThreadCall(function.hang).result())
        await eventually(function.begun.is_set)
        second = asyncio.create_task(ThreadCall(lambda: ran.append(1)).result())
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([second])
        assert second.cancelled()
        assert not ABANDONED_CALLS
        function.proceed.set()
        assert await within_patience(first) == "done"
        await ThreadCall(lambda: None).result()  # queued behind it in the only thread
    assert ran == []


async def test_a_call_that_runs_on_is_known_until_it_ends() -> None:
    async with blocked() as function:
        call = ThreadCall(function.hang)
        task = asyncio.create_task(call.result())
        await eventually(function.begun.is_set)
        assert thread_stack(call).split(", in ")[-1].startswith("Blocked.hang at ")
        task.cancel()
        await asyncio.wait([task])
        assert {task: [call]} == ABANDONED_CALLS
        function.proceed.set()
        await within_patience(ThreadCall.all_ended([call]))
        await eventually(lambda: not ABANDONED_CALLS)
        assert thread_stack(call) == "not known"


async def test_a_function_that_runs_on_keeps_its_worker_and_its_entry_has_its_outcome() -> None:
    async with hanging(1, "next") as plain:
        await eventually(lambda: plain.done == ["hang"])
        await eventually(lambda: plain.pool._watch.timer is not None)
        assert (plain.pool.queued, plain.pool.free, plain.pool.running) == (1, 0, 0)
        plain.function.proceed.set()
        await eventually(lambda: plain.done == ["hang", "next"])
        await eventually(lambda: plain.pool.free == 1)
        await within_patience(plain.pool.close(grace=1))
    assert plain.reported == []


async def test_other_workers_continue_with_queued_entries() -> None:
    async with hanging(2, *map(str, range(20))) as plain:
        await eventually(lambda: len(plain.done) == 21)
        assert plain.pool.free == 1
        plain.function.proceed.set()
        await eventually(lambda: plain.pool.free == 2)
        await within_patience(plain.pool.close(grace=1))


async def test_a_call_that_runs_too_long_is_stuck_until_it_ends() -> None:
    async with hanging(1, "next", stuck_after=0.01) as plain:
        await eventually(lambda: plain.reported == ["hang"])
        assert (plain.pool.stuck, plain.pool.all_stuck, plain.done) == (1, True, ["hang"])
        await asyncio.sleep(0.05)  # it is checked repeatedly, and reported once
        plain.function.proceed.set()
        await eventually(lambda: plain.done == ["hang", "next"])
        assert (plain.pool.stuck, plain.reported) == (0, ["hang"])
        await within_patience(plain.pool.close(grace=1))


async def test_an_exclusive_entry_waits_for_a_threaded_call_until_it_is_stuck() -> None:
    """A function may kill the process after its timeout as well."""
    async with hanging(1) as plain:
        await eventually(lambda: plain.done == ["hang"])
        idle = asyncio.create_task(plain.pool.wait_idle())
        done, _ = await asyncio.wait([idle], timeout=0.05)
        assert not done
        plain.function.proceed.set()
        await within_patience(idle)
        await within_patience(plain.pool.close(grace=1))
    async with hanging(1, stuck_after=0.01) as plain:
        await eventually(lambda: plain.done == ["hang"])
        await within_patience(plain.pool.wait_idle())
        assert plain.reported == ["hang"]
        await within_patience(plain.pool.close(grace=1))


async def test_a_close_does_not_wait_for_it() -> None:
    """Its entry has its outcome, and a thread cannot be stopped."""
    async with hanging(2) as plain:
        await eventually(lambda: plain.done == ["hang"])
        await eventually(lambda: plain.pool._watch.timer is not None)
        cut = await within_patience(plain.pool.close(grace=3600))
        assert (cut, plain.pool.uncancellable) == ({}, 0)


async def test_the_stack_is_logged_and_the_entry_stays_settled(caplog: pytest.LogCaptureFixture) -> None:
    reported: list[tuple[Incident, int]] = []
    incidents = Incidents(lambda stream, incident, count: reported.append((incident, count)))
    storage, me = MemoryStreamStorage(), ConsumerId(STREAM, GROUP, "me")
    limits = ConsumerSettings(
        batch_count=1, concurrency=1, max_deliveries=5, lease=Lease.of(60.0), grace=5.0, ack_delay=0.001
    )
    noted: list[int] = []
    async with blocked() as function:
        lifecycle = EntryLifecycle(
            storage, me, limits, ignore_result, incidents, DueTimer(), lambda: noted.append(1)
        )
        plain = Plain(function, 1)
        lifecycle.callback = lambda payload: plain._handle("hang", payload)
        lifecycle._pool._watch._after = 0.01
        await storage.create_group(STREAM, GROUP)
        storage.add(STREAM, {"type": "booked"})
        [(name, message)] = await storage.read_events(*me, 1)
        lifecycle.open()
        lifecycle.take([(name, message)])
        await eventually(lambda: noted == [1])
        assert reported == [(Incident.STUCK, 1)]
        output = "a plain function still runs after its timeout or cancellation and occupies a worker; "
        assert f"{output}it was started for entry {name} of {STREAM}: " in caplog.text
        assert "Blocked.hang at " in caplog.text
        await eventually(lambda: not storage._server.stream(STREAM).groups[GROUP].pending)
        await within_patience(lifecycle.close())
