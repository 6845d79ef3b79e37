"""Stacks of coroutines that wait: where a handler is that does not end."""

from __future__ import annotations

import asyncio
from typing import Any, Final

_DEEPEST: Final = 50  # frames


def stack_of(task: asyncio.Task[Any] | None) -> str:
    """A line for each coroutine that a task is in, the outermost first: its name, file and line."""
    lines: list[str] = []
    waiting: Any = task.get_coro() if task is not None else None
    while waiting is not None and len(lines) < _DEEPEST:
        frame = _attribute(waiting, "frame")
        if frame is not None:
            name = getattr(waiting, "__qualname__", frame.f_code.co_name)
            lines.append(f"  {name} at {frame.f_code.co_filename}:{frame.f_lineno}")
        waiting = _attribute(waiting, "await") or _attribute(waiting, "yieldfrom")
    return "\n".join(lines) or "  (its stack is not known)"


def _attribute(waiting: Any, name: str) -> Any:
    """``cr_``, ``gi_`` or ``ag_`` and this name, as coroutines and generators have it; else None."""
    found = (getattr(waiting, f"{prefix}_{name}", None) for prefix in ("cr", "gi", "ag"))
    return next((value for value in found if value is not None), None)
