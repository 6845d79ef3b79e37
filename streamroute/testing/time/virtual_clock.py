"""A virtual clock: time passes only when ``move_to`` is called.

It knows everything that can happen without time passing: callbacks that the loop will run, and calls in
threads. So it can tell when nothing is left (``is_still``), and waits for that without polling.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from contextvars import Context, ContextVar
from typing import Any, Final

from streamroute.compiler.runtime.timeouts import Deadlines
from streamroute.testing.time.virtual_timer import VirtualTimer

CURRENT_CLOCK: Final[ContextVar[VirtualClock | None]] = ContextVar("streamroute_clock", default=None)
"""The clock of the code that runs; None outside a test app."""

IN_BACKGROUND: Final[ContextVar[bool]] = ContextVar("streamroute_background", default=False)
"""Whether the code that runs is a consumer's own, which has nothing to do while no entry is there."""

_ROUNDING: Final = 1e-6  # seconds: sums of floating point numbers are not exact


class VirtualClock:
    """The time of one test app, in seconds since its start; ``epoch`` is that start, in ``time.time()``."""

    def __init__(self, loop: asyncio.AbstractEventLoop, epoch: float) -> None:
        self.loop = loop
        self.epoch = epoch
        self.now = 0.0
        self.deadlines = Deadlines()
        self._timers: list[tuple[float, int, VirtualTimer]] = []
        self._numbers = itertools.count()
        self._ready: dict[int, asyncio.Handle] = {}
        self._threads: set[asyncio.Future[Any]] = set()
        self._watchers: set[asyncio.Future[None]] = set()
        self._waiters: set[asyncio.Future[None]] = set()

    def wall_time(self) -> float:
        """Return the virtual time as ``time.time`` gives it."""
        return self.epoch + self.now

    # For the event loop.

    def call_at(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context
    ) -> VirtualTimer:
        """Call back at the virtual time ``when``."""
        background = context.get(IN_BACKGROUND, False)
        timer = VirtualTimer(when, callback, args, self.loop, context, is_background=background)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def expect(self, number: int, handle: asyncio.Handle) -> None:
        """Note a callback that the loop will run."""
        self._ready[number] = handle
        _resolve(self._waiters)

    def number(self) -> int:
        """Return a number that no callback has."""
        return next(self._numbers)

    def run(self, number: int, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        """Run a callback that was expected."""
        try:
            callback(*args)
        finally:
            self._ready.pop(number, None)
            if self._watchers and self.is_still:
                _resolve(self._watchers)

    def watch_thread(self, call: asyncio.Future[Any]) -> None:
        """Note a call in a thread; the caller's context is one of this clock."""
        self._threads.add(call)
        call.add_done_callback(self._threads.discard)

    def stop_waiting_for_threads(self) -> None:
        """Let time pass although threads still run; when they end, their callers run again."""
        self._threads.clear()

    # For the driver, whose own context has no clock.

    @property
    def is_still(self) -> bool:
        """Whether nothing runs in the app's tasks and threads until time passes or an outside event."""
        return not self._threads and all(handle.cancelled() for handle in self._ready.values())

    @property
    def threads(self) -> int:
        """The number of calls in threads."""
        return len(self._threads)

    async def until_still(self) -> None:
        """Wait until nothing runs, timers that are due included."""
        while True:
            while not self.is_still:
                await self._next(self._watchers)
            if not self._run_due():
                return

    async def until_active(self) -> None:
        """Wait until something runs again: an outside event, since time does not pass.

        It may have ended when this returns.
        """
        if self.is_still:
            await self._next(self._waiters)

    async def _next(self, waiting: set[asyncio.Future[None]]) -> None:
        future: asyncio.Future[None] = self.loop.create_future()
        waiting.add(future)
        try:
            await future
        finally:
            waiting.discard(future)

    def next_timer(self, *, background: bool) -> float | None:
        """Return when the next timer is due, those of the consumers' own loops included or not."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        if background:
            return self._timers[0][0] if self._timers else None
        own = (at for at, _, timer in self._timers if not timer.is_background and not timer.cancelled())
        return min(own, default=None)

    def sleepers(self) -> set[int]:
        """Return the ``id()`` of the futures of ``asyncio.sleep``."""
        return {id(timer.sleeper) for _, _, timer in self._timers if timer.sleeper is not None}

    def sleeping_contexts(self) -> list[Context]:
        """Return the contexts of the tasks in ``asyncio.sleep``."""
        return [timer.context for _, _, timer in self._timers if timer.sleeper is not None]

    def move_to(self, time: float) -> None:
        """Let time pass up to ``time``; timers that are due run in ``until_still``."""
        self.now = max(self.now, time)

    def _run_due(self) -> bool:
        """Schedule the timers that are due, in their order; return whether there was any."""
        found = False
        while self._timers and self._timers[0][0] <= self.now + _ROUNDING:
            _, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled():
                self.loop.call_soon(timer.run, context=timer.context)
                found = True
        return found

    def close(self) -> None:
        """Forget all timers."""
        for _, _, timer in self._timers:
            timer.cancel()
        self._timers.clear()


def _resolve(futures: set[asyncio.Future[None]]) -> None:
    for future in list(futures):
        if not future.done():
            future.set_result(None)
