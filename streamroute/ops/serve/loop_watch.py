"""A thread that watches the event loop, and names the handler that blocks it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final, Self

from streamroute.core.consume.pool.current_entry import worker_of
from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.logs.record_facts import about_entry, about_failure
from streamroute.logs.user_frame import innermost_user_frame
from streamroute.message import Message
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip

log = logging.getLogger(__name__)

BLOCKED_AFTER: Final = 0.5
"""Seconds without a step of the event loop after which it counts as blocked."""
_INTERVAL: Final = 0.2  # seconds between two looks
_STILL_AFTER: Final = 10.0  # seconds after which a block that has not ended is logged, too
_MAX_FRAMES: Final = 1_000
_MAX_NAMED: Final = 3  # handlers that ran one after the other during one block
_FROZEN: Final = "nothing could run for %.1f s: code in C kept Python's lock, or the process was stopped"


@dataclass(frozen=True, slots=True)
class _Blocker:
    """What blocked the loop, in words; ``payload`` is that of the entry, if a handler did."""

    text: str
    payload: dict[str, Any] | None = None
    route: str = ""

    @property
    def key(self) -> object:
        """Equal for what runs on: the same route on the same entry."""
        return self.text if self.payload is None else (id(self.payload), self.route)


class LoopWatch:
    """Watches the running event loop inside its ``with`` block.

    A block of more than ``blocked_after`` seconds is logged when it ends, with the handlers that ran, their
    entries and lines of code; one that lasts longer than ``still_after`` seconds also before it ends. The
    thread looks every ``interval`` seconds, as far as the loop's code lets other threads run.
    """

    def __init__(
        self,
        *,
        blocked_after: float = BLOCKED_AFTER,
        still_after: float = _STILL_AFTER,
        interval: float = _INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blocked_after = blocked_after
        self._still_after = still_after
        self._interval = interval
        self._clock = clock
        self._stopped = threading.Event()
        self._asked = self._answered = self._looked = 0.0
        self._frozen = 0.0
        self._blockers: dict[object, _Blocker] = {}
        self._was_told = False

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._thread = threading.Thread(target=self._run, name="streamroute loop watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._tell_of_the_last_block()

    @property
    def has_sample(self) -> bool:
        """Whether the loop is blocked, and it is known by what."""
        return bool(self._blockers)

    # In the thread.

    def _run(self) -> None:
        try:
            self._ask()
            while not self._stopped.wait(self._interval):
                self._look()
        except RuntimeError:
            return  # the loop is closed

    def _ask(self) -> None:
        self._asked = self._looked = self._clock()
        self._answered = self._frozen = 0.0
        self._blockers, self._was_told = {}, False
        self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        """Called in the event loop."""
        self._answered = self._clock()

    def _look(self) -> None:
        now = self._clock()
        late = now - self._looked - self._interval
        self._looked = now
        if late >= self._blocked_after:
            self._frozen += late
        if self._answered:
            self._tell_if_it_was_blocked(self._answered - self._asked)
            self._ask()
            return
        silence = now - self._asked
        if silence >= self._blocked_after and len(self._blockers) < _MAX_NAMED:
            blocker = self._sample()
            self._blockers.setdefault(blocker.key, blocker)
        if silence >= self._still_after and not self._was_told:
            self._was_told = True
            self._tell("the event loop has been blocked for %.1f s%s", silence)

    def _tell_of_the_last_block(self) -> None:
        """Log a block that ended after the thread's last look. Called in the event loop."""
        self._tell_if_it_was_blocked((self._answered or self._clock()) - self._asked)

    def _tell_if_it_was_blocked(self, seconds: float) -> None:
        if seconds >= self._blocked_after:
            self._tell("the event loop was blocked for %.1f s%s", seconds)

    def _tell(self, template: str, seconds: float) -> None:
        blockers = list(self._blockers.values())
        by = ", then by ".join(blocker.text for blocker in blockers)
        what = f" by {by}" if by else ""
        if self._frozen or not blockers:
            what += f"{'; ' if by else ': '}{_FROZEN % (self._frozen or seconds)}"
        first = blockers[0] if blockers else _Blocker("")
        extra = {**NEVER_COALESCED, **about_entry(first.payload), **about_failure(first.route, "")}
        log.warning(template, seconds, what, extra=extra)

    def _sample(self) -> _Blocker:
        task = asyncio.current_task(self._loop)
        place = _place(_frames(self._loop_thread, task))
        worker = worker_of(task)
        entry = None if worker is None else worker.entry
        if entry is None:
            return _Blocker(place)
        entry_id, payload = entry
        route = (payload.delivery.running_route if isinstance(payload, Message) else None) or ""
        stream = f" of {clip(payload.stream, NAME)}" if isinstance(payload, Message) else ""
        who = f"route {route}, " if route else ""
        return _Blocker(f"{who}entry {clip(entry_id, NAME)}{stream}: {place}", payload, route)


def _frames(thread: int, task: asyncio.Task[Any] | None) -> Iterator[FrameType]:
    """Yield the frames of a thread, innermost first, up to the coroutine of its task."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - documented, and the only way
    outermost = _frame_of(task)
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return
        yield frame
        if frame is outermost:
            return
        frame = frame.f_back


def _frame_of(task: asyncio.Task[Any] | None) -> FrameType | None:
    coroutine = None if task is None else task.get_coro()
    return getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)


def _place(frames: Iterator[FrameType]) -> str:
    """Return the innermost line of the user's code, or of any code if there is none."""
    found = list(frames)
    frame = innermost_user_frame(found[::-1]) or (found[0] if found else None)
    if frame is None:
        return "code that is not known"
    return f"{frame.f_code.co_qualname} at {frame.f_code.co_filename}:{frame.f_lineno}"
