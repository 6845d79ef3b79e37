"""A loop in a thread: what its callers get, whatever ends first."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from streamroute.errors import SetupError
from streamroute.publishing.loop_thread import LoopThread

NAME = contextvars.ContextVar("NAME", default="none")


async def named() -> str:
    return NAME.get()


async def failing() -> None:
    raise LookupError("no such thing")


def test_results_errors_and_context_are_the_callers() -> None:
    thread = LoopThread()
    try:
        NAME.set("caller")
        assert thread.call(named) == "caller"
        with pytest.raises(LookupError, match="no such thing"):
            thread.call(failing)
    finally:
        thread.stop()


def test_a_call_that_waits_ends_when_the_loop_stops() -> None:
    thread, started = LoopThread(), threading.Event()

    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(thread.call, wait)
        assert started.wait(30)
        thread.stop()
        with pytest.raises(SetupError, match="closed by another thread"):
            waiting.result(30)
    with pytest.raises(SetupError, match="is closed"):
        thread.call(named)
    thread.stop()


def test_an_interrupt_cancels_the_call() -> None:
    thread, cancelled = LoopThread(), threading.Event()

    async def wait() -> None:
        while sys._current_frames()[threading.main_thread().ident or 0].f_code.co_name != "wait":  # noqa: ASYNC110 - a frame has no event
            await asyncio.sleep(0)  # the caller does not wait for the result yet
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    try:
        with pytest.raises(KeyboardInterrupt):
            thread.call(wait)
        assert cancelled.wait(30)
    finally:
        thread.stop()


def test_a_call_from_the_loop_itself_is_refused_instead_of_waiting_forever() -> None:
    thread = LoopThread()

    async def nested() -> None:
        thread.call(named)

    try:
        with pytest.raises(SetupError, match="code that it calls itself"):
            thread.call(nested)
    finally:
        thread.stop()
