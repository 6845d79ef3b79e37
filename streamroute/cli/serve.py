"""``streamroute serve``."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamroute.cli.exits import Exit
from streamroute.cli.logs import set_up_logging
from streamroute.cli.paths import config_path
from streamroute.cli.streams import stream_named
from streamroute.errors import SetupError

if TYPE_CHECKING:
    from streamroute.adapters.connection import Connection
    from streamroute.cli.load import Runnable
    from streamroute.config.document import Document
    from streamroute.ops.session import Feed

log = logging.getLogger(__name__)

_NAMED: Final = 20  # routes of a stream that are named at the start


@dataclass(frozen=True, slots=True)
class _Orders:
    """What the command line asks for."""

    feed: Feed | None
    drain: bool
    embedded: bool

    @property
    def ends_with_table(self) -> bool:
        """Whether this is a run with an end, of which one wants to know what came of it."""
        return self.drain or self.feed is not None


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
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or JSON lines for machines, on stderr.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="From where up log records are heard.",
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

    \b
    Examples:
      streamroute serve
      streamroute serve shop/routes.yaml --log-format json
      streamroute serve --feed events.jsonl --drain
    """
    from streamroute.cli.leaving import run_and_leave
    from streamroute.cli.load import load_or_exit

    set_up_logging(log_format, log_level)
    if feed_stream is not None and feed is None:
        raise click.UsageError("--feed-stream goes with --feed")
    runnable = load_or_exit(config_path(config))
    with ExitStack() as stack:
        opened = _open_feed(runnable.document, feed, feed_stream, stack)
        return run_and_leave(_serve(runnable, _Orders(opened, drain, not no_embedded)))


def _open_feed(document: Document, feed: str | None, stream: str | None, stack: ExitStack) -> Feed | None:
    from streamroute.ops.session import Feed

    served = _served(document)
    if feed is None:
        return None
    target = _feed_target(document, served, stream)
    if feed == "-":
        return Feed(sys.stdin.buffer, "stdin", target)
    return Feed(stack.enter_context(Path(feed).open("rb")), feed, target)


def _served(document: Document) -> list[str]:
    """The streams that have routes; raises SetupError where none has."""
    served = [stream for stream in document.streams if document.served(stream)]
    if not served:
        raise SetupError(f"{document.path} has no route that is enabled: there is nothing to serve")
    return served


def _feed_target(document: Document, served: list[str], stream: str | None) -> str:
    """The stream that the feed goes to; raises click.UsageError where that is not clear."""
    if stream is None:
        if len(served) > 1:
            raise click.UsageError(f"say where --feed goes: --feed-stream, one of {', '.join(served)}")
        return served[0]
    stream_named(document.streams, stream)
    if stream not in served:
        raise click.UsageError(f'the stream "{stream}" has no routes: nobody here would read the feed')
    return stream


async def _serve(runnable: Runnable, orders: _Orders) -> int:
    from streamroute.adapters.connection import open_redis
    from streamroute.app import open_app
    from streamroute.cli.report import print_tally
    from streamroute.cli.signals import stopping_on_signals
    from streamroute.ops.session import run_session
    from streamroute.ops.tally import Tally

    document, feed, stop = runnable.document, orders.feed, asyncio.Event()
    names = {stream: tuple(route.name for route in document.served(stream)) for stream in document.streams}
    tally = Tally(names)
    async with AsyncExitStack() as stack:
        stack.enter_context(stopping_on_signals(stop.set))
        redis = await stack.enter_async_context(
            open_redis(document.redis.url, folder=document.folder, embedded=orders.embedded)
        )
        await redis.ping()
        app = await stack.enter_async_context(open_app(redis, document, runnable.compiled, observer=tally))
        if feed is not None:
            tally.marks[feed.stream] = await app.publisher(feed.stream).last_id()
        await app.start()
        _introduce(document, redis)
        try:
            await run_session(app, feed, drain=orders.drain, stop=stop)
        finally:
            await app.stop()
            if orders.ends_with_table:
                print_tally(tally)
    return Exit.FOUND if orders.ends_with_table and tally.failed else Exit.OK


def _introduce(document: Document, redis: Connection) -> None:
    """Say what is served, and from where."""
    log.info("serving %s from %s", document.path, redis.address)
    if redis.address.is_embedded:
        folder = redis.address.data_folder
        log.warning("this is an embedded server, for development; its data is in %s", folder)
    for stream in document.streams.values():
        names = [route.name for route in document.served(stream.name)]
        log.info("stream %s, group %s: %s", stream.name, stream.group, _routes(names))


def _routes(names: list[str]) -> str:
    from streamroute.ops.wording import counted

    if not names:
        return "no routes, not consumed"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{counted(len(names), 'route')}: {', '.join(names[:_NAMED])}{more}"
