"""The progress of ``serve --drain`` on a terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from streamroute.cli.output.drain_text import DrainText
from streamroute.cli.output.layout import OutputLayout
from streamroute.cli.output.logging import logs_as_json
from streamroute.cli.output.streams import erase_status_line, has_status_line, show_status_line
from streamroute.ops.metrics.group_poller import GroupPoller, poller_of
from streamroute.ops.serve.background import in_background

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.config.document import Document

_EVERY: Final = 0.5  # seconds


@asynccontextmanager
async def drain_progress(redis: RedisConnection, document: Document, *, shown: bool) -> AsyncIterator[None]:
    """Show how many entries are left within the block, if ``shown`` and if stderr is a terminal."""
    if not (shown and has_status_line()) or logs_as_json():
        yield
        return
    streams = [stream for stream in document.streams.values() if document.served(stream.name)]
    try:
        async with in_background(_show(poller_of(lambda: streams, redis))):
            yield
    finally:
        erase_status_line()


async def _show(poller: GroupPoller) -> None:
    text = DrainText()
    while True:
        await asyncio.sleep(_EVERY)
        await poller.poll()
        if poller.stats:
            width = OutputLayout.of(sys.stderr).width or 0
            show_status_line(text.line(poller.stats.values(), width - 1))
