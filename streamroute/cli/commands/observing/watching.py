"""Look at streams once, or repeatedly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from streamroute.cli.arguments.server import open_server
from streamroute.cli.output.logging import echo_error
from streamroute.errors import RedisUnavailableError
from streamroute.text.safe_text import safe_str

if TYPE_CHECKING:
    from streamroute.config.document import Document, StreamConfig
    from streamroute.ops.status.stream_status import Status

Show = Callable[["Status"], bool]
"""Shows a status; returns False if nobody reads the output any more."""


async def look_once(document: Document, streams: Sequence[StreamConfig], *, embedded: bool) -> Status:
    """Return the status of the streams; raises RedisUnavailableError if Redis cannot be reached."""
    from streamroute.ops.status.query import StatusQuery

    async with open_server(document, embedded=embedded, create=False) as redis:
        return await StatusQuery(redis, streams).read()


async def look_repeatedly(
    document: Document, streams: Sequence[StreamConfig], show: Show, *, embedded: bool, every: float
) -> None:
    """Show the status every so many seconds until nobody reads it.

    While Redis cannot be reached, each attempt writes one line to stderr.
    """
    while True:
        try:
            await _until_unread(document, streams, show, embedded=embedded, every=every)
        except RedisUnavailableError as error:
            echo_error(f"{safe_str(error)}; looking again")
        else:
            return
        await asyncio.sleep(every)


async def _until_unread(
    document: Document, streams: Sequence[StreamConfig], show: Show, *, embedded: bool, every: float
) -> None:
    from streamroute.ops.status.query import StatusQuery

    async with open_server(document, embedded=embedded, create=False) as redis:
        query = StatusQuery(redis, streams)
        while True:
            if not show(await query.read()):
                return
            await asyncio.sleep(every)
