"""``streamroute serve``."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from streamroute.cli.exits import Exit
from streamroute.cli.logs import set_up_logging
from streamroute.cli.paths import config_path
from streamroute.cli.publish import stream_named
from streamroute.cli.table import table

if TYPE_CHECKING:
    from streamroute.adapters.connection import Connection
    from streamroute.app import App
    from streamroute.cli.load import Runnable
    from streamroute.ops.tally import Row, Tally

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Orders:
    """What the command line asks for, beyond serving."""

    feed: BinaryIO | None
    feed_name: str
    feed_stream: str | None
    drain: bool
    embedded: bool


@click.command(name="serve")
@click.argument("config", required=False)
@click.option(
    "--feed",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Publish these JSON lines first (- is stdin).",
)
@click.option("--feed-stream", metavar="STREAM", help="Where --feed goes, if there are several streams.")
@click.option("--drain", is_flag=True, help="Exit when everything up to now, the feed included, is done.")
@click.option("--no-embedded", is_flag=True, help="Refuse to run on the embedded server.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
def command(
    config: str | None,
    feed: str | None,
    feed_stream: str | None,
    drain: bool,
    no_embedded: bool,
    log_format: str,
    log_level: str,
) -> int:
    """Route events as CONFIG says, until SIGINT or SIGTERM.

    What runs is then finished, within the streams' grace; a second signal stops at once. CONFIG is
    checked first, as `streamroute check` does, and an error in it ends the command with 1.

    With --feed or --drain, a table says at the end what became of the messages; one that failed for good
    makes the exit code 1.
    """
    from streamroute.cli.load import load_or_exit
    from streamroute.compiler.threads import stuck_threads

    set_up_logging(log_format, log_level)
    if feed_stream is not None and feed is None:
        raise click.UsageError("--feed-stream goes with --feed")
    runnable = load_or_exit(config_path(config))
    with ExitStack() as stack:
        source = None
        if feed is not None:
            source = sys.stdin.buffer if feed == "-" else stack.enter_context(Path(feed).open("rb"))
        orders = _Orders(source, feed or "", feed_stream, drain, not no_embedded)
        code = asyncio.run(_serve(runnable, orders))
    if stuck := stuck_threads(0.5):
        log.warning("%d handlers never returned; their threads are abandoned", stuck)
        sys.stdout.flush()
        os._exit(code)
    return code


async def _serve(runnable: Runnable, orders: _Orders) -> int:
    from streamroute.adapters.connection import open_redis
    from streamroute.app import open_app
    from streamroute.cli.signals import stopping_on_signals
    from streamroute.ops.tally import Tally

    document = runnable.document
    tally = Tally(
        {stream: tuple(route.name for route in document.served(stream)) for stream in document.streams}
    )
    stop = asyncio.Event()
    target = _feed_target(runnable, orders) if orders.feed is not None else None
    async with AsyncExitStack() as stack:
        stack.enter_context(stopping_on_signals(stop.set))
        redis = await stack.enter_async_context(
            open_redis(document.redis.url, folder=document.folder, embedded=orders.embedded)
        )
        await redis.ping()
        app = await stack.enter_async_context(
            open_app(redis, document, runnable.compiled, observer=tally)
        )
        _introduce(runnable, redis)
        if target is not None:
            tally.marks[target] = await app.publisher(target).last_id()
        await app.start()
        await _work(app, orders, target, stop)
    if orders.drain or orders.feed is not None:
        print_tally(tally)
    return Exit.FOUND if tally.failed else Exit.OK


def _feed_target(runnable: Runnable, orders: _Orders) -> str:
    """The stream that the feed goes to."""
    streams = runnable.document.streams
    if orders.feed_stream is not None:
        stream_named(streams, orders.feed_stream)
        return orders.feed_stream
    if len(streams) > 1:
        raise click.UsageError(f"say where --feed goes: --feed-stream, one of {', '.join(streams)}")
    return next(iter(streams))


def _introduce(runnable: Runnable, redis: Connection) -> None:
    """Say what is served, and from where."""
    document = runnable.document
    click.echo(f"serving {document.path} from {redis.address}", err=True)
    if redis.address.data_folder is not None:
        click.echo(
            f"  this is an embedded server, for development: its data is in {redis.address.data_folder}",
            err=True,
        )
    for stream in document.streams.values():
        names = [route.name for route in document.served(stream.name)]
        served = f"{len(names)} routes: {', '.join(names)}" if names else "no routes, not consumed"
        click.echo(f"  {stream.name} (group {stream.group}): {served}", err=True)


async def _work(app: App, orders: _Orders, target: str | None, stop: asyncio.Event) -> None:
    """Feed, then drain or wait; whatever it is, a signal ends it."""
    stopped = asyncio.create_task(stop.wait())
    job = asyncio.create_task(_feed_and_drain(app, orders, target, stop))
    await asyncio.wait([stopped, job], return_when=asyncio.FIRST_COMPLETED)
    for task in (stopped, job):
        if not task.done():
            task.cancel()
    await asyncio.wait([stopped, job])
    if not job.cancelled():
        job.result()


async def _feed_and_drain(app: App, orders: _Orders, target: str | None, stop: asyncio.Event) -> None:
    from streamroute.ops.drain import wait_until_done
    from streamroute.ops.feed import publish_feed, read_lines

    if target is not None and orders.feed is not None:
        async for _ in publish_feed(app.publisher(target), read_lines(orders.feed), orders.feed_name):
            pass
    if not orders.drain:
        await stop.wait()
        return
    marks = {stream: await app.publisher(stream).last_id() for stream in app.services}
    await wait_until_done({stream: app.backlog(stream) for stream in app.services}, marks)


def print_tally(tally: Tally) -> None:
    """The table on stdout: what was fed, then what had been there before."""
    if tally.marks:
        _print_table(tally, tally.fed, "")
    if tally.leftover or not tally.marks:
        _print_table(tally, tally.leftover, "left over from before" if tally.marks else "")
    for kind, count in sorted(tally.unknown.items()):
        click.echo(f"no route lists {kind}: {count} acknowledged")


def _print_table(tally: Tally, counts: Mapping[tuple[str, str], Row], title: str) -> None:
    if title:
        click.echo(f"\n{title}:")
    rows = [
        (stream, route, row.matched, row.succeeded, row.failed) for stream, route, row in tally.rows(counts)
    ]
    click.echo(table(("stream", "route", "matched", "succeeded", "failed"), rows))
