"""RowBatches: collect the rows of a generator, so that a fast stream is sent in few events."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

from streamroute.errors import StreamrouteError

_MOST: Final = 200
"""Rows of one batch; a page shows no more. The older ones are left out."""
_SHORTEST: Final = 0.25  # seconds between two batches


class RowBatches:
    """Reads the generator in a task of its own until ``close``."""

    def __init__(self, rows: AsyncGenerator[str, None]) -> None:
        self._waiting: deque[str] = deque(maxlen=_MOST)
        self._has_rows = asyncio.Event()
        self._task = asyncio.create_task(self._read(rows))

    async def next(self, patience: float) -> list[str] | None:
        """Return the rows that came since the last batch; none after ``patience`` seconds without any.

        Returns None if there will be no more.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._has_rows.wait()
        await asyncio.sleep(min(_SHORTEST, patience))
        batch = list(self._waiting)
        self._waiting.clear()
        if not batch and self._task.done():
            return None
        if not self._task.done():
            self._has_rows.clear()
        return batch

    async def close(self) -> None:
        """Stop reading."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _read(self, rows: AsyncGenerator[str, None]) -> None:
        try:
            with suppress(StreamrouteError):  # Redis is away: the browser comes again, and the page says why
                async with aclosing(rows):
                    async for row in rows:
                        self._waiting.append(row)
                        self._has_rows.set()
        finally:
            self._has_rows.set()
