"""Session: publish a feed to a started app, then drain it or let it run until it is stopped."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from streamroute.ops.publish.feed import FeedProgress, publish_feed
from streamroute.ops.publish.line_reader import read_lines
from streamroute.ops.serve.drain import wait_until_done
from streamroute.ops.serve.retry_until_available import RetryingPublisher, retry_until_available
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.app import App

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Feed:
    """Events to publish first: their source, its name, and the target stream."""

    source: BinaryIO
    name: str
    stream: str


async def run_session(app: App, feed: Feed | None, *, drain: bool, stop: asyncio.Event) -> None:
    """Publish the feed, then wait until all entries so far are done, or without ``drain`` forever.

    Setting ``stop`` ends it at any time. Raises FeedError for a line that is not an event.
    """
    stopped = asyncio.create_task(stop.wait())
    job = asyncio.create_task(_job(app, feed, drain, stopped))
    await asyncio.wait([stopped, job], return_when=asyncio.FIRST_COMPLETED)
    if not job.done() and (feed is not None or drain):
        log.warning("stopped before the drain was complete; remaining entries stay in the stream")
    for task in (stopped, job):
        task.cancel()
    await asyncio.wait([stopped, job])
    if not job.cancelled():
        job.result()


async def _job(app: App, feed: Feed | None, drain: bool, stopped: asyncio.Task[bool]) -> None:
    if feed is not None:
        await _publish(app, feed)
    if not drain:
        await stopped
        return
    await drain_app(app)


async def drain_app(app: App) -> None:
    """Wait until all entries that are in the streams now are done."""
    last_ids = {stream: await _last_id(app, stream) for stream in app.services}
    log.info("draining %s", ", ".join(f"{stream} up to {last_id}" for stream, last_id in last_ids.items()))
    await wait_until_done({stream: app.backlog(stream) for stream in last_ids}, last_ids)


async def _publish(app: App, feed: Feed) -> None:
    target = RetryingPublisher(app.publisher(feed.stream), feed.stream)
    progress = FeedProgress()
    try:
        async for _ in publish_feed(target, read_lines(feed.source), feed.name, progress):
            log.debug("published %s to %s", pluralize(progress.events, "event"), feed.stream)
    finally:
        events = pluralize(progress.events, "event")
        log.info("published %s from %s to %s", events, feed.name, feed.stream)


async def _last_id(app: App, stream: str) -> str:
    return await retry_until_available(app.publisher(stream).last_id, f"reading {stream}")
