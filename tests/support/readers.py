"""Stream readers with given contents."""

from __future__ import annotations

import asyncio

from streamroute.ops.workers.generations.messages import MAX_ANSWER


def reader_of(data: bytes, limit: int = MAX_ANSWER) -> asyncio.StreamReader:
    """Return a reader that reads these bytes and then the end; ``limit`` is that of a line."""
    reader = asyncio.StreamReader(limit=limit)
    reader.feed_data(data)
    reader.feed_eof()
    return reader
