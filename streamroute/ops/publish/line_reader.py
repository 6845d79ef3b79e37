"""Read lines from a file or a pipe as they arrive."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import BinaryIO, Final

_CHUNK: Final = 1024 * 1024
MAX_LINE_BYTES: Final = 128 * 1024 * 1024
"""Maximum bytes of a line; the rest is not read, since no entry can be that long."""


async def read_lines(
    source: BinaryIO, *, chunk_size: int = _CHUNK, longest: int = MAX_LINE_BYTES
) -> AsyncIterator[list[bytes]]:
    """Yield the lines of a file or a pipe, as many at a time as are available.

    Waiting can be cancelled and occupies no thread. A line of more than ``longest`` bytes is yielded as far
    as it was read, and ends the iteration.
    """
    parts: list[bytes] = []
    while chunk := await _chunk(source.fileno(), chunk_size):
        first, *others = chunk.split(b"\n")
        parts.append(first)
        if others:
            yield [b"".join(parts), *others[:-1]]
            parts = [others[-1]]
        elif sum(map(len, parts)) > longest:
            break
    if last := b"".join(parts):
        yield [last]


async def _chunk(descriptor: int, size: int) -> bytes:
    await _readable(descriptor)
    return os.read(descriptor, size)


async def _readable(descriptor: int) -> None:
    """Wait until a read does not block; a regular file is always readable."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    try:
        loop.add_reader(descriptor, _resolve, ready)
    except OSError:
        # epoll rejects files that never block, and kqueue rejects /dev/null.
        return
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
