"""Background tasks for the duration of a block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def in_background(*activities: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run endless coroutines inside the block, and cancel them on exit."""
    tasks = [asyncio.create_task(activity) for activity in activities]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
