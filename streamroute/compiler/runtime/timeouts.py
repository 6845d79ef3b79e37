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
from typing import Any, ClassVar

from streamroute.durations import format_duration
from streamroute.errors import StreamrouteError
from streamroute.logs.coalescing import NEVER_COALESCED

log = logging.getLogger(__name__)


class HandlerTimeout(StreamrouteError):  # noqa: N818 - reads as what happened, like asyncio's TimeoutError
    """Raised when a handler did not finish within its route's timeout."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the handler did not end within {format_duration(seconds)}")
        self.seconds = seconds


@types.coroutine
def await_with_timeout(  # noqa: C901, PLR0912 - hot path: each frame to the handler costs
    coroutine: Coroutine[Any, Any, Any], first: Any, seconds: float, route: str = ""
) -> Generator[Any, Any, Any]:
    """Await a coroutine that has run its first step and yielded ``first``; return its result.

    A handler that ignores its cancellation blocks the caller, which is logged once for each ``route``.

    Raises HandlerTimeout after ``seconds``, counted from this call. The handler is cancelled; a result that
    it still returns is discarded, but an exception that it raises propagates. External cancellations
    propagate unchanged.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task(loop)
    assert task is not None, "a handler runs in a task"  # noqa: S101 - true of every coroutine of asyncio
    deadlines, key, pending = Deadlines.of(loop), id(coroutine), first
    watched, deadline = deadlines.watched, loop.time() + seconds
    watched[key] = (task, deadline, route, task.cancelling())
    if deadline < deadlines.due:
        deadlines.arm(deadline, loop)
    try:
        while True:
            # As ``await`` does, for a coroutine that has already yielded once.
            try:
                yield pending
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:  # noqa: BLE001 - passed on to the handler
                try:
                    pending = coroutine.throw(error)
                except StopIteration as done:
                    result = done.value
                    break
            else:
                result = yield from coroutine
                break
    except asyncio.CancelledError as error:
        if deadlines.end(key) is not _EndReason.DEADLINE:
            raise
        raise HandlerTimeout(seconds) from error
    except GeneratorExit as error:
        deadlines.end(key)
        if _is_running(task):
            # Raised by the handler: if it propagated, it would look like the closing of this coroutine.
            raise RuntimeError("the handler raised GeneratorExit") from error
        raise
    except BaseException:
        deadlines.end(key)
        raise
    if watched.pop(key, None) is not None:
        return result
    if deadlines.end(key) is _EndReason.DEADLINE:
        raise HandlerTimeout(seconds)
    # The handler swallowed this cancellation and an external one: raise the external one again.
    raise asyncio.CancelledError


class _EndReason(Enum):
    """Why a handler ended."""

    OWN = "its own"
    DEADLINE = "cancelled at its deadline"
    OUTSIDE = "cancelled at its deadline, and from outside"


def _is_running(task: asyncio.Task[Any]) -> bool:
    """Whether ``task`` runs right now; a coroutine that is being closed no longer has a running task."""
    try:
        return asyncio.current_task() is task
    except RuntimeError:
        # No loop is running: the interpreter or the loop is shutting down.
        return False


_Watched = tuple["asyncio.Task[Any]", float, str, int]
"""A suspended handler: its task, deadline (loop time), route, and how often the task had been cancelled."""


class _Overdue:
    """A handler that was cancelled ``cancels`` times at its deadline, and is again at ``deadline``."""

    __slots__ = ("cancelling_before", "cancels", "deadline", "route", "task")

    def __init__(self, watched: _Watched) -> None:
        self.task, self.deadline, self.route, self.cancelling_before = watched
        self.cancels = 0

    def cancel(self, again_after: float) -> None:
        self.cancels += 1
        self.deadline += again_after
        self.task.cancel()

    def uncancel_own(self) -> _EndReason:
        """Undo the cancellations made here, so that only external ones remain."""
        for _ in range(self.cancels):
            self.task.uncancel()
        return _EndReason.OUTSIDE if self.task.cancelling() > self.cancelling_before else _EndReason.DEADLINE


class Deadlines:
    """All suspended handlers of an event loop, with one timer for the earliest deadline.

    ``watched`` are those that were not cancelled here, by the ``id()`` of their coroutine; a new one must be
    followed by ``arm`` if its deadline is before ``due``. A handler that swallowed its cancellation is
    cancelled again after ``cancel_again_after`` seconds.
    """

    of_context: ClassVar[Callable[[], Deadlines | None] | None] = None
    """Returns the deadlines of a context that has a time of its own (None: no context has)."""

    _of_loop: ClassVar[dict[asyncio.AbstractEventLoop, Deadlines]] = {}

    def __init__(self) -> None:
        self.cancel_again_after = 1.0
        self.watched: dict[int, _Watched] = {}
        self.due = math.inf
        self._overdue: dict[int, _Overdue] = {}
        self._timer: asyncio.TimerHandle | None = None
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

    def end(self, key: int) -> _EndReason:
        """Stop watching a handler. The timer stays: an idle expiry costs less than many timers."""
        if self.watched.pop(key, None) is not None:
            return _EndReason.OWN
        return self._overdue.pop(key).uncancel_own()

    def arm(self, due: float, loop: asyncio.AbstractEventLoop) -> None:
        """Look for handlers to cancel at ``due`` (loop time)."""
        if self._timer is not None:
            self._timer.cancel()
        self.due = due
        self._timer = loop.call_at(due, self._expire_due, loop)

    def _expire_due(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        self._timer, self.due = None, math.inf
        for key in [key for key, watched in self.watched.items() if watched[1] <= now]:
            self._overdue[key] = _Overdue(self.watched.pop(key))
        for overdue in [one for one in self._overdue.values() if one.deadline <= now]:
            overdue.cancel(self.cancel_again_after)
            if overdue.cancels > 1 and overdue.route not in self._warned:
                self._warned.add(overdue.route)
                self._warn(overdue.route)
        deadlines = [watched[1] for watched in self.watched.values()]
        deadlines += [overdue.deadline for overdue in self._overdue.values()]
        if deadlines:
            self.arm(min(deadlines), loop)

    def _warn(self, route: str) -> None:
        uncancellable = sum(one.route == route and one.cancels > 1 for one in self._overdue.values())
        log.warning(
            "a handler of the route %s ignores its cancellation after the timeout; it counts against "
            "concurrency until it ends (%d now; logged once)",
            *(route, uncancellable),
            extra=NEVER_COALESCED,
        )
