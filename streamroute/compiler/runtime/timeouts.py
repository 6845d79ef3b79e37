"""Handler timeouts without a task or a timer for each message.

A coroutine's first step runs immediately, in the current task: a handler that never suspends needs no timer.
A suspended handler is watched until it ends, by one timer per event loop, set to the earliest deadline.
"""

from __future__ import annotations

import asyncio
import logging
import math
import types
from collections.abc import Callable, Coroutine, Generator
from enum import Enum
from typing import Any, ClassVar, Final

from streamroute.durations import format_duration
from streamroute.errors import StreamrouteError
from streamroute.logs.coalescing import NEVER_COALESCED

log = logging.getLogger(__name__)


class HandlerTimeout(StreamrouteError):  # noqa: N818 - reads as what happened, like asyncio's TimeoutError
    """Raised when a handler did not finish within its route's timeout."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the handler did not end within {format_duration(seconds)}")
        self.seconds = seconds


async def await_with_timeout(
    coroutine: Coroutine[Any, Any, Any], first: Any, seconds: float, route: str = ""
) -> Any:
    """Await a coroutine that has run its first step and yielded ``first``; return its result.

    A handler that ignores its cancellation blocks the caller, which is logged once for each ``route``.

    Raises HandlerTimeout after ``seconds``, counted from this call. The handler is cancelled; a result that
    it still returns is discarded, but an exception that it raises propagates. External cancellations
    propagate unchanged.
    """
    loop = asyncio.get_running_loop()
    waiter = _Waiter(asyncio.current_task(loop), loop.time() + seconds, route)
    deadlines = Deadlines.of(loop)
    deadlines.add(waiter, loop)
    try:
        result = await _continue(coroutine, first)
    except asyncio.CancelledError as error:
        if deadlines.end(waiter) is not _EndReason.DEADLINE:
            raise
        raise HandlerTimeout(seconds) from error
    except GeneratorExit as error:
        deadlines.end(waiter)
        if _is_running(waiter.task):
            # Raised by the handler: if it propagated, it would look like the closing of this coroutine.
            raise RuntimeError("the handler raised GeneratorExit") from error
        raise
    except BaseException:
        deadlines.end(waiter)
        raise
    end = deadlines.end(waiter)
    if end is _OWN:
        return result
    if end is _EndReason.DEADLINE:
        raise HandlerTimeout(seconds)
    # The handler swallowed this cancellation and an external one: raise the external one again.
    raise asyncio.CancelledError


class _EndReason(Enum):
    """Why a handler ended."""

    OWN = "its own"
    DEADLINE = "cancelled at its deadline"
    OUTSIDE = "cancelled at its deadline, and from outside"


_OWN: Final = _EndReason.OWN


def _is_running(task: asyncio.Task[Any]) -> bool:
    """Whether ``task`` runs right now; a coroutine that is being closed no longer has a running task."""
    try:
        return asyncio.current_task() is task
    except RuntimeError:
        # No loop is running: the interpreter or the loop is shutting down.
        return False


@types.coroutine
def _continue(coroutine: Coroutine[Any, Any, Any], first: Any) -> Generator[Any, Any, Any]:
    """Continue a coroutine that has already yielded once, as ``await`` would."""
    pending = first
    while True:
        try:
            yield pending
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as error:  # noqa: BLE001 - passed on to the handler
            try:
                pending = coroutine.throw(error)
            except StopIteration as done:
                return done.value
        else:
            return (yield from coroutine)


class _Waiter:
    """A suspended handler: its task, its deadline (loop time), and how often it was cancelled here."""

    __slots__ = ("cancelling_before", "cancels", "deadline", "route", "task")

    def __init__(self, task: asyncio.Task[Any] | None, deadline: float, route: str = "") -> None:
        assert task is not None, "a handler runs in a task"  # noqa: S101 - true of every coroutine of asyncio
        self.task = task
        self.deadline = deadline
        self.route = route
        self.cancels = 0
        self.cancelling_before = task.cancelling()

    def expire(self, cancel_again_after: float) -> None:
        self.cancels += 1
        self.deadline += cancel_again_after
        self.task.cancel()

    def uncancel_own(self) -> _EndReason:
        """Undo the cancellations made here, so that only external ones remain."""
        if self.cancels == 0:
            return _OWN
        for _ in range(self.cancels):
            self.task.uncancel()
        return _EndReason.OUTSIDE if self.task.cancelling() > self.cancelling_before else _EndReason.DEADLINE


class Deadlines:
    """All suspended handlers of an event loop, with one timer for the earliest deadline.

    A handler that swallowed its cancellation is cancelled again after ``cancel_again_after`` seconds.
    """

    of_context: ClassVar[Callable[[], Deadlines | None] | None] = None
    """Returns the deadlines of a context that has a time of its own (None: no context has)."""

    _of_loop: ClassVar[dict[asyncio.AbstractEventLoop, Deadlines]] = {}

    def __init__(self) -> None:
        self.cancel_again_after = 1.0
        self._watched: set[_Waiter] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = math.inf
        self._warned: set[str] = set()

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Deadlines:
        """The deadlines of this loop, or of this context; those of closed loops are dropped."""
        if cls.of_context is not None and (own := cls.of_context()) is not None:
            return own
        found = cls._of_loop.get(loop)
        if found is None:
            cls._of_loop = {one: kept for one, kept in cls._of_loop.items() if not one.is_closed()}
            found = cls._of_loop[loop] = cls()
        return found

    def add(self, waiter: _Waiter, loop: asyncio.AbstractEventLoop) -> None:
        """Watch a handler until ``end`` is called."""
        self._watched.add(waiter)
        if waiter.deadline < self._due:
            self._arm(waiter.deadline, loop)

    def end(self, waiter: _Waiter) -> _EndReason:
        """Stop watching a handler. The timer stays: an idle expiry costs less than many timers."""
        self._watched.discard(waiter)
        return waiter.uncancel_own()

    def _arm(self, due: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = loop.call_at(due, self._expire_due, loop)

    def _expire_due(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        self._timer, self._due = None, math.inf
        for waiter in [one for one in self._watched if one.deadline <= now]:
            waiter.expire(self.cancel_again_after)
            if waiter.cancels > 1 and waiter.route not in self._warned:
                self._warned.add(waiter.route)
                self._warn(waiter.route)
        if self._watched:
            self._arm(min(waiter.deadline for waiter in self._watched), loop)

    def _warn(self, route: str) -> None:
        uncancellable = sum(waiter.route == route and waiter.cancels > 1 for waiter in self._watched)
        log.warning(
            "a handler of the route %s ignores its cancellation after the timeout; it counts against "
            "concurrency until it ends (%d now; logged once)",
            *(route, uncancellable),
            extra=NEVER_COALESCED,
        )
