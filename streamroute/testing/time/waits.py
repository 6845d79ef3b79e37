"""What a suspended task waits for: time, or something outside the test app."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

_DEEPEST: Final = 50  # tasks that wait for each other


def wakes_at(task: asyncio.Task[Any], sleepers: Mapping[int, float]) -> float | None:
    """Return when ``asyncio.sleep`` ends that the task waits for; None if it waits for something else.

    ``sleepers`` is when the futures of ``asyncio.sleep`` end, by their ``id()``. A task may wait for other
    tasks, and for all of ``asyncio.gather``.
    """
    return _wakes_at(task, sleepers, _DEEPEST)


def _wakes_at(future: asyncio.Future[Any], sleepers: Mapping[int, float], depth: int) -> float | None:
    if id(future) in sleepers:
        return sleepers[id(future)]
    awaited = getattr(future, "_fut_waiter", None)  # of a task
    children = [awaited] if awaited is not None else getattr(future, "_children", ())
    if not depth:
        return None
    ends = [_wakes_at(child, sleepers, depth - 1) for child in children if not child.done()]
    return min((end for end in ends if end is not None), default=None)
