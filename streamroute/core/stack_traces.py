"""Stacks of suspended coroutines and of threads, to locate stuck handlers."""

from __future__ import annotations

import asyncio
from itertools import islice
from types import FrameType
from typing import Any, Final

from streamroute.core.thread_call import ThreadCall

_MAX_FRAMES: Final = 50  # frames


def task_stack(task: asyncio.Task[Any] | None) -> str:
    """Return the coroutine stack of a task, innermost first: each with its name, file and line."""
    frames = [
        f"{name} at {frame.f_code.co_filename}:{frame.f_lineno}" for name, frame in suspended_frames(task)
    ]
    return ", in ".join(reversed(frames)) or "not known"


def suspended_frames(task: asyncio.Task[Any] | None) -> list[tuple[str, FrameType]]:
    """Return the names and frames of the coroutines of a suspended task, innermost last."""
    frames: list[tuple[str, FrameType]] = []
    waiting: Any = task.get_coro() if task is not None else None
    while waiting is not None and len(frames) < _MAX_FRAMES:
        frame = _attribute(waiting, "frame")
        if frame is not None:
            frames.append((getattr(waiting, "__qualname__", frame.f_code.co_name), frame))
        waiting = _attribute(waiting, "await") or _attribute(waiting, "yieldfrom") or _awaited_by(frame)
    return frames


def thread_stack(call: ThreadCall) -> str:
    """Return the stack of a call in a thread, in the same form."""
    frames = islice(call.frames(), _MAX_FRAMES)
    places = (f"{at.f_code.co_qualname} at {at.f_code.co_filename}:{at.f_lineno}" for at in frames)
    return ", in ".join(places) or "not known"


def _awaited_by(frame: Any) -> Any:
    """Return the coroutine that a generator drives step by step, as for handlers with a timeout."""
    return frame.f_locals.get("coroutine") if frame is not None else None


def _attribute(waiting: Any, name: str) -> Any:
    """Return the ``cr_``, ``gi_`` or ``ag_`` attribute of a coroutine or generator, or None."""
    values = (getattr(waiting, f"{prefix}_{name}", None) for prefix in ("cr", "gi", "ag"))
    return next((value for value in values if value is not None), None)
