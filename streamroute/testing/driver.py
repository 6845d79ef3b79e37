"""Runs a test app until nothing is left to do, and lets time pass."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from pathlib import Path
from typing import Any, Final, TypeVar

from streamroute.core.stack_traces import task_stack
from streamroute.testing.errors import NotSettledError
from streamroute.testing.recording.handled_message import HandledMessage
from streamroute.testing.recording.recorder import CURRENT_RUN, Recorder
from streamroute.testing.time.virtual_clock import VirtualClock
from streamroute.testing.time.waits import Wait, waits_of

T = TypeVar("T")

_OUTSIDE_GRACE: Final = 0.1  # seconds of real time for I/O before virtual time passes
_SHOWN: Final = 10  # handlers that an error names
_THREAD_GRACE: Final = 2.0  # seconds of real time for threads before virtual time passes


class Driver:
    """Drives one clock; its methods run outside the clock's context, so its waits are real.

    ``next_event`` lets happen what is due and is no timer (a retry, the end of a pause), and returns when the
    next of it is due, in seconds of the clock. ``is_idle`` returns whether no entry is held or pending, so
    that the consumers' own timers find nothing.
    """

    def __init__(
        self,
        clock: VirtualClock,
        recorder: Recorder,
        next_event: Callable[[], float | None],
        is_idle: Callable[[], bool],
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._next_event = next_event
        self._is_idle = is_idle
        self._waited_for: set[int] = set()

    async def settle(self, within: float) -> None:
        """Run until nothing can happen without time passing.

        Raises NotSettledError if something still runs after ``within`` seconds of real time.
        """
        try:
            async with asyncio.timeout(within):
                while True:
                    await self._clock.until_still()
                    waiting = self.waiting_outside()
                    if not waiting:
                        return
                    if not self._may_wait_for_time(waiting):
                        await self._clock.until_active()
                    elif not await self._is_active_within(_OUTSIDE_GRACE):
                        return
        except TimeoutError:
            raise NotSettledError(f"after {within:g} s of real time {self._what_runs()}") from None

    async def advance(self, seconds: float) -> None:
        """Let ``seconds`` of virtual time pass, and run what is due meanwhile, in order."""
        target = self._clock.now + seconds
        while True:
            self._next_event()  # what is due now happens
            await self._pause()
            if self._clock.now >= target:
                return
            self._clock.move_to(min(self._next_stop(), target))

    async def drive(self, work: Coroutine[Any, Any, T], context: Context, grace: float) -> T:
        """Run a coroutine of the app to its end, and let as much time pass as it needs.

        It gets ``grace`` seconds of real time for what is outside before time passes.
        """
        task = self._clock.loop.create_task(work, context=context)
        try:
            while True:
                await self._still()
                if task.done():
                    return task.result()
                await self._wait_outside(task, grace)
        finally:
            task.cancel()

    async def _wait_outside(self, task: asyncio.Task[Any], grace: float) -> None:
        """Wait ``grace`` seconds for what is outside, unless a task of the app sleeps; then let time pass."""
        if not self._clock.sleepers() and await self._is_active_within(grace):
            return
        timer = self._clock.next_timer(background=True)
        if timer is None:
            raise NotSettledError(f"the app waits for something outside: {task_stack(task)}")
        self._clock.move_to(timer)

    async def _pause(self) -> None:
        """Run what can run now; give new I/O of handlers some real time."""
        await self._still()
        while new := {id(run) for run, _ in self.waiting_outside()} - self._waited_for:
            if not await self._is_active_within(_OUTSIDE_GRACE):
                self._waited_for |= new
                return
            await self._still()

    async def _still(self) -> None:
        try:
            async with asyncio.timeout(_THREAD_GRACE):
                await self._clock.until_still()
        except TimeoutError:
            if not self._clock.threads:
                raise NotSettledError(f"the event loop stays busy: {self._what_runs()}") from None
            self._clock.stop_waiting_for_threads()

    async def _is_active_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._clock.until_active()
        except TimeoutError:
            return False
        return True

    def _next_stop(self) -> float:
        """Return the next time at which something may happen."""
        timer = self._clock.next_timer(background=not self._is_idle())
        stops = [at for at in (timer, self._next_event()) if at is not None]
        return max(min(stops, default=float("inf")), self._clock.now)

    def waiting_outside(self) -> list[tuple[HandledMessage, set[Wait]]]:
        """Return the runs that wait for neither time nor a thread, with what they wait for."""
        if not self._recorder.running:
            return []
        sleepers = self._clock.sleepers()
        waits = [(run, waits_of(task, sleepers)) for task, run in self._recorder.running.items()]
        return [(run, wait) for run, wait in waits if wait != {Wait.TIME}]

    def _may_wait_for_time(self, waiting: Sequence[tuple[HandledMessage, set[Wait]]]) -> bool:
        """Whether each of these runs waits for a sleeping task of its own, or for a lock while a run sleeps.

        Nothing tells a queue that a sleeping task will fill from one that a socket will fill.
        """
        asleep = [context.get(CURRENT_RUN) for context in self._clock.sleeping_contexts()]
        return all(
            Wait.OUTSIDE not in waits and (run in asleep or (Wait.SIGNAL not in waits and any(asleep)))
            for run, waits in waiting
        )

    def _what_runs(self) -> str:
        lines = [
            f"{run.route} (attempt {run.attempt} of {run.id}): {_user_stack(task)}"
            for task, run in self._recorder.running.items()
        ]
        if not lines:
            return "the event loop is busy, though no handler runs"
        noun = "a handler still runs" if len(lines) == 1 else f"{len(lines)} handlers still run"
        return "\n  ".join([f"{noun}:", *lines[:_SHOWN]])


def _user_stack(task: asyncio.Task[Any]) -> str:
    """Return the coroutine stack of a handler, without that of its caller."""
    frames = task_stack(task).split(", in ")
    own = itertools.takewhile(lambda frame: str(Path(__file__).parent) not in frame, frames)
    return ", in ".join(own)
