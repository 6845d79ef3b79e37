"""The relay: what is in the outbox goes to the stream, in order. ``python -m orders.relay [--once]``."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import streamroute
from orders.database import open_database, remove_events, waiting_events

log = logging.getLogger(__name__)

ROUTES: Final = Path(__file__).parents[1] / "routes.yaml"
_BATCH: Final = 500  # events
_PAUSE: Final = 1.0  # seconds between looks into an outbox that was empty, or a server that was away


async def relay_batch(database: sqlite3.Connection, publisher: streamroute.Publisher) -> int:
    """Publish the oldest events, then forget them; return how many.

    A crash between the two publishes them again: by their ids they are repetitions, and are not written.
    If Redis fails, the events that it is known to have are forgotten, and PublishError is raised.
    """
    events = waiting_events(database, _BATCH)
    places = [place for place, _ in events]
    try:
        await publisher.publish_many("orders", [event for _, event in events])
    except streamroute.PublishError as error:
        remove_events(database, places[: len(error.ids)])
        raise
    remove_events(database, places)
    return len(events)


async def relay(database: sqlite3.Connection, *, once: bool = False) -> None:
    """Empty the outbox repeatedly; ``once`` returns when it is empty."""
    # An id is remembered for longer than a relay may be away between publishing and forgetting.
    async with streamroute.Publisher(ROUTES, id_ttl="7d") as publisher:
        while True:
            try:
                count = await relay_batch(database, publisher)
            except streamroute.RedisUnavailableError as error:
                if once:
                    raise
                log.warning("the events stay in the outbox: %s", error)
                count = 0
            if not count:
                if once:
                    return
                await asyncio.sleep(_PAUSE)


if __name__ == "__main__":
    with closing(open_database()) as orders:
        asyncio.run(relay(orders, once="--once" in sys.argv))
