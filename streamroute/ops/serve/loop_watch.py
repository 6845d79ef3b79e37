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
_NOTHING_RAN: Final = "nothing of the process could run: it was stopped, or code in C kept Python's lock"


@dataclass(frozen=True, slots=True)
class _Blocker:
    """What ran while the loop was blocked, in words; ``payload`` is that of the entry, if a handler ran."""

    text: str = _NOTHING_RAN
    payload: dict[str, Any] | None = None
    route: str = ""


class LoopWatch:
    """Watches the running event loop inside its ``with`` block.

    A block of more than ``blocked_after`` seconds is logged when it ends, with the handler, its entry and the
    line of code that ran; one that lasts longer than ``still_after`` seconds also before it ends.
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
        self._asked = self._answered = 0.0
        self._blocker: _Blocker | None = None
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

    @property
    def has_sample(self) -> bool:
        """Whether the loop is blocked, and it is known by what."""
        return self._blocker is not None

    # In the thread.

    def _run(self) -> None:
        try:
            self._ask()
            while not self._stopped.wait(self._interval):
                self._look()
        except RuntimeError:
            return  # the loop is closed

    def _ask(self) -> None:
        self._asked, self._answered = self._clock(), 0.0
        self._blocker, self._was_told = None, False
        self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        """Called in the event loop."""
        self._answered = self._clock()

    def _look(self) -> None:
        if not self._answered:
            silence = self._clock() - self._asked
            if silence >= self._blocked_after and self._blocker is None:
                self._blocker = self._sample()
            if silence >= self._still_after and not self._was_told:
                self._was_told = True
                self._tell("the event loop has been blocked for %.1f s, by %s", silence)
            return
        lasted = self._answered - self._asked
        if lasted >= self._blocked_after:
            self._tell("the event loop was blocked for %.1f s by %s", lasted)
        self._ask()

    def _tell(self, template: str, seconds: float) -> None:
        blocker = self._blocker or _Blocker()
        extra = {**NEVER_COALESCED, **about_entry(blocker.payload), **about_failure(blocker.route, "")}
        log.warning(template, seconds, blocker.text, extra=extra)

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
