"""Background tasks for the duration of a block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

_REPEAT: Final = 0.1  # seconds until a task that has not ended is cancelled again


@asynccontextmanager
async def in_background(*activities: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run endless coroutines inside the block, and cancel them on exit."""
    tasks = [asyncio.create_task(activity) for activity in activities]
    try:
        yield
    finally:
        await end_tasks(tasks)


async def end_tasks(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended; a driver may swallow a cancellation, and the task go on."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=_REPEAT)
    await asyncio.gather(*tasks, return_exceptions=True)
