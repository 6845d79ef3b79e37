"""Threads of handlers: one for each handler that may run at once, and none that is waited for at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor

from consuming import eventually, within_patience
from projects import is_gone
from streamroute.compiler.runtime.thread_pool import (
    guest_handler_threads,
    handler_threads,
    validation_threads,
    wait_for_threads,
)
from streamroute.core.thread_call import EXECUTORS, ThreadCall


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


async def test_handlers_of_a_guest_have_threads_of_their_own() -> None:
    def thread() -> str:
        return threading.current_thread().name

    loop = asyncio.get_running_loop()
    own = ThreadPoolExecutor(1, thread_name_prefix="own")
    loop.set_default_executor(own)
    with guest_handler_threads(1):
        names = [await ThreadCall(thread).result(), await asyncio.to_thread(thread)]
    names.append(await ThreadCall(thread).result())
    assert [name.rpartition("_")[0] for name in names] == ["streamroute-handler", "own", "own"]


async def test_guests_of_one_loop_share_threads_until_the_last_one_ends() -> None:
    """All calls meet at a barrier that opens for no fewer."""
    barrier = threading.Barrier(100)

    def call() -> Awaitable[int]:
        return asyncio.ensure_future(ThreadCall(lambda: barrier.wait(20)).result())

    with guest_handler_threads(30) as resize:
        with guest_handler_threads(6):
            waiting = [call() for _ in range(100)]
            assert len(await within_patience(asyncio.gather(*waiting))) == 100
        barrier = threading.Barrier(95)
        resize(31)
        waiting = [call() for _ in range(95)]
        assert len(await within_patience(asyncio.gather(*waiting))) == 95
    assert asyncio.get_running_loop() not in EXECUTORS


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
