"""Look at streams once, or repeatedly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamroute.errors import RedisUnavailableError
from streamroute.services.server_connection import open_server
from streamroute.text.safe_text import safe_str

if TYPE_CHECKING:
    from streamroute.config.document import Document, StreamConfig
    from streamroute.ops.status.stream_status import Status

Show = Callable[["Status"], bool]
"""Shows a status; returns False if nobody reads the output any more."""


@dataclass(frozen=True, slots=True)
class Look:
    """What to look at: the streams of a configuration; ``embedded``: its server may be the embedded one."""

    document: Document
    streams: Sequence[StreamConfig]
    embedded: bool


async def look_once(look: Look) -> Status:
    """Return the status of the streams; raises RedisUnavailableError if Redis cannot be reached."""
    from streamroute.ops.status.query import StatusQuery

    async with open_server(look.document, embedded=look.embedded, create=False) as redis:
        return await StatusQuery(redis, look.streams).read()


async def look_repeatedly(
    look: Look, show: Show, show_problem: Callable[[str], None], *, every: float
) -> None:
    """Show the status every so many seconds until nobody reads it.

    Each attempt to reach Redis that fails is a problem to show, on one line; the next follows.
    """
    while True:
        try:
            await _until_unread(look, show, every)
        except RedisUnavailableError as error:
            show_problem(f"{safe_str(error)}; looking again")
        else:
            return
        await asyncio.sleep(every)


async def _until_unread(look: Look, show: Show, every: float) -> None:
    from streamroute.ops.status.query import StatusQuery

    async with open_server(look.document, embedded=look.embedded, create=False) as redis:
        query = StatusQuery(redis, look.streams)
        while True:
            if not show(await query.read()):
                return
            await asyncio.sleep(every)
