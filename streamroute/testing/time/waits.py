"""What a suspended task waits for: time, another task, or something outside the test app."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Container
from enum import Enum
from types import FrameType
from typing import Any, Final

from streamroute.core.stack_traces import suspended_frames

_DEEPEST: Final = 50  # tasks that wait for each other
_LOCKS: Final = (asyncio.Lock, asyncio.Semaphore)
_SIGNALS: Final = (asyncio.Event, asyncio.Condition, asyncio.Queue, asyncio.Barrier)
_PACKAGE: Final = "asyncio"
_SHIELD: Final = "shield.<locals>."
_OWN_TASKS: Final = {"_wait": "fs", "wait_for": "fut"}  # of asyncio: the variable that has the awaited tasks


class Wait(Enum):
    """What a task waits for."""

    TIME = "time"
    """The end of ``asyncio.sleep``."""

    LOCK = "lock"
    """A lock or a semaphore, which another task holds."""

    SIGNAL = "signal"
    """An event, a condition or a queue: of another task, or of something outside."""

    OUTSIDE = "outside"
    """Something else, such as a socket."""


def waits_of(task: asyncio.Future[Any], sleepers: Container[int]) -> set[Wait]:
    """Return what the task waits for, and what the tasks wait for that it awaits.

    ``sleepers`` has the ``id()`` of the futures of ``asyncio.sleep``. A task may await others itself, with
    ``gather``, ``wait``, ``wait_for`` and ``shield``, or in a ``TaskGroup``.
    """
    return _waits_of(task, sleepers, _DEEPEST)


def _waits_of(future: asyncio.Future[Any], sleepers: Container[int], depth: int) -> set[Wait]:
    if id(future) in sleepers:
        return {Wait.TIME}
    frame = _suspended_frame(future)
    awaited = [each for each in _awaited(future, frame) if not each.done()] if depth else []
    found = set[Wait]().union(*(_waits_of(each, sleepers, depth - 1) for each in awaited))
    if found == {Wait.OUTSIDE} and frame is not None:
        return {_wait_in(frame)}
    return found or {Wait.OUTSIDE}


def _wait_in(frame: FrameType) -> Wait:
    """Return what a task waits for whose innermost frame is this one, and which awaits a future only."""
    waited_for = frame.f_locals.get("self") if _is_of_asyncio(frame) else None
    if isinstance(waited_for, _LOCKS):
        return Wait.LOCK
    return Wait.SIGNAL if isinstance(waited_for, _SIGNALS) else Wait.OUTSIDE


def _awaited(future: asyncio.Future[Any], frame: FrameType | None) -> Collection[asyncio.Future[Any]]:
    """Return the futures that a task, or a future of ``gather`` or ``shield``, waits for."""
    if frame is not None and (tasks := _tasks_of(frame)):
        return tasks
    awaited = getattr(future, "_fut_waiter", None)  # of a task
    if awaited is not None:
        return [awaited]
    return getattr(future, "_children", None) or _shielded(future)


def _tasks_of(frame: FrameType) -> Collection[asyncio.Future[Any]]:
    """Return the tasks that a function of asyncio awaits by a future of its own."""
    if not _is_of_asyncio(frame):
        return ()
    group = frame.f_locals.get("self")
    if isinstance(group, asyncio.TaskGroup):
        return getattr(group, "_tasks", ())
    tasks = frame.f_locals.get(_OWN_TASKS.get(frame.f_code.co_name, ""), ())
    return (
        [tasks] if isinstance(tasks, asyncio.Future) else [t for t in tasks if isinstance(t, asyncio.Future)]
    )


def _shielded(future: asyncio.Future[Any]) -> list[asyncio.Future[Any]]:
    """Return the future that ``asyncio.shield`` protects, if ``future`` is its result."""
    callbacks = [callback for callback, _ in getattr(future, "_callbacks", None) or ()]
    shields = [one for one in callbacks if getattr(one, "__qualname__", "").startswith(_SHIELD)]
    cells = [cell.cell_contents for one in shields for cell in one.__closure__ or ()]
    return [inner for inner in cells if isinstance(inner, asyncio.Future) and inner is not future]


def _is_of_asyncio(frame: FrameType) -> bool:
    return frame.f_globals.get("__package__") == _PACKAGE


def _suspended_frame(future: asyncio.Future[Any]) -> FrameType | None:
    """Return the innermost frame of a suspended task; None if it is no task, or not known."""
    frames = suspended_frames(future) if isinstance(future, asyncio.Task) else []
    return frames[-1][1] if frames else None
