"""Threads of handlers: one for each handler that may run at once, and none that is waited for at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

from consuming import eventually, within_patience
from projects import is_gone
from streamroute.compiler.runtime.thread_pool import handler_threads, validation_threads, wait_for_threads


async def test_there_is_a_thread_for_every_worker() -> None:
    """All of them meet at a barrier that opens for no fewer."""
    barrier = threading.Barrier(20)
    with handler_threads(20):
        waiting = [asyncio.to_thread(barrier.wait, 20) for _ in range(20)]
        assert len(await within_patience(asyncio.gather(*waiting))) == 20


async def test_more_threads_start_after_a_resize() -> None:
    barrier = threading.Barrier(100)
    with handler_threads(1) as resize:
        waiting = [asyncio.ensure_future(asyncio.to_thread(barrier.wait, 20)) for _ in range(60)]
        resize(100)
        waiting += [asyncio.ensure_future(asyncio.to_thread(barrier.wait, 20)) for _ in range(40)]
        assert len(await within_patience(asyncio.gather(*waiting))) == 100


async def test_more_workers_than_threads_are_served_in_turn() -> None:
    with handler_threads(10_000):
        done = await within_patience(asyncio.gather(*(asyncio.to_thread(int, n) for n in range(600))))
    assert done == list(range(600))


async def test_a_function_that_does_not_return_leaves_its_worker_a_thread() -> None:
    release = threading.Event()
    with handler_threads(1):
        abandoned = [asyncio.ensure_future(asyncio.to_thread(release.wait)) for _ in range(3)]
        await asyncio.sleep(0)  # they are handed over first
        assert await within_patience(asyncio.to_thread(int, "7")) == 7
        release.set()
        await within_patience(asyncio.gather(*abandoned))


async def test_a_thread_that_does_not_end_is_not_waited_for() -> None:
    release = threading.Event()
    with handler_threads(1):
        running = asyncio.ensure_future(asyncio.to_thread(release.wait))
        await asyncio.sleep(0)
    await eventually(lambda: wait_for_threads(0) == 1)
    release.set()
    await within_patience(running)
    assert wait_for_threads(20) == 0


async def test_a_child_forked_by_a_validation_ends() -> None:
    with handler_threads(1):
        child = await asyncio.get_running_loop().run_in_executor(validation_threads(), os.fork)
    try:
        await eventually(lambda: is_gone(child))
    finally:
        os.kill(child, signal.SIGKILL)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
    assert os.waitstatus_to_exitcode(status) == 1


async def test_other_threads_are_ignored() -> None:
    release = threading.Event()
    other = threading.Thread(target=release.wait)
    other.start()
    assert wait_for_threads(20) == 0
    release.set()
    other.join()
