"""``streamroute publish``."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamroute.cli.arguments.event_files import STDIN
from streamroute.cli.arguments.event_source import lines_of, one_event, resume_hint
from streamroute.cli.arguments.path_options import ALLOW_OUTSIDE, PATH
from streamroute.cli.arguments.paths import config_path
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.streams import echo, progress_bar
from streamroute.config.paths import is_file
from streamroute.errors import StreamrouteError
from streamroute.services.server_connection import open_server
from streamroute.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.cli.arguments.config import UsableConfig
    from streamroute.cli.arguments.event_source import EventSource
    from streamroute.ops.publish.feed import FeedProgress, SupportsPublish

log = logging.getLogger(__name__)


@click.command(name="publish")
@click.argument("stream")
@click.argument("file", required=False, type=PATH)
@click.option(
    "--config", type=PATH, metavar="PATH", help="Path of routes.yaml (default: in the working folder)."
)
@click.option("--type", "event_type", metavar="TYPE", help="Publish one event of this type.")
@click.option("--data", metavar="JSON", help="The data of the event, a JSON object; requires --type.")
@click.option("--ids", is_flag=True, help="Print the id of each entry, one per line.")
@click.option(
    "--check", is_flag=True, help="Check type and schema of all events first; if one is wrong, publish none."
)
@click.option(
    "--from-line",
    type=click.IntRange(min=1),
    metavar="N",
    help="Skip the lines before line N of FILE: resume after an error.",
)
@ALLOW_OUTSIDE
@click.option("--no-embedded", is_flag=True, help="Do not use the embedded server.")
def command(  # noqa: PLR0913 - the options of the command
    *,
    stream: str,
    file: str | None,
    config: str | None,
    event_type: str | None,
    data: str | None,
    ids: bool,
    check: bool,
    from_line: int | None,
    no_embedded: bool,
) -> int:
    """Publish events to STREAM, with the Redis server and the codec of routes.yaml.

    FILE contains one JSON object per line, each an event with a "type"; - is stdin. The events belong to the
    trace of TRACEPARENT and TRACESTATE in the environment, unless they have a "traceparent" themselves.

    With --check, a type must be in the catalogue or in a route of the stream, and the data must fit the
    schema of its type. After an error, the last line names the line to resume from.

    \b
    Examples:
      streamroute publish bot_events events.jsonl
      streamroute publish bot_events --type booking.confirmed \\
        --data '{"nights": 3}'
      streamroute publish bot_events events.jsonl --check --ids > ids.txt
      streamroute publish bot_events events.jsonl --from-line 1201
    """
    if (file is None) == (event_type is None):
        raise click.UsageError(_missing_file_hint(stream, file))
    if data is not None and event_type is None:
        raise click.UsageError("--data requires --type")
    if from_line is not None and file is None:
        raise click.UsageError("--from-line requires FILE")
    set_up_logging("text", "warning")
    options = _Options(check=check, ids=ids, first_line=from_line or 1, embedded=not no_embedded)
    with ExitStack() as stack:
        source = (
            one_event(event_type, data)
            if event_type is not None
            else lines_of(STDIN if file is None else file, stack, twice=check)
        )
        loaded = _load(config_path(config), stream)
        if event_type is not None and not check:
            _warn_of_near_miss(event_type, loaded)
        asyncio.run(_publish(loaded, stream, source, options))
    return 0


@dataclass(frozen=True, slots=True)
class _Options:
    """What the user asked for."""

    check: bool
    ids: bool
    first_line: int
    embedded: bool


def _missing_file_hint(stream: str, file: str | None) -> str:
    if file is None and is_file(stream):
        return f"missing STREAM: streamroute publish STREAM {stream}"
    return "missing FILE, or --type"


def _warn_of_near_miss(event_type: str, loaded: UsableConfig) -> None:
    """Warn if a type is similar to a route's type; it is published, as other consumers may use it."""
    types = {name for route in loaded.routes for name in route.types}
    if event_type in types or event_type in loaded.document.messages:
        return
    suggestion = did_you_mean(event_type, sorted(types))
    if suggestion:
        log.warning('no route matches type "%s"; did you mean "%s"?', event_type, suggestion)


def _load(path: Path, stream: str) -> UsableConfig:
    """Load the configuration without user code."""
    from streamroute.cli.arguments.config import load_or_exit

    loaded = load_or_exit(path, imports=False)
    stream_named(loaded.document.streams, stream)
    return loaded


async def _publish(loaded: UsableConfig, stream: str, source: EventSource, options: _Options) -> None:
    from streamroute.ops.publish.caller_trace import caller_trace
    from streamroute.ops.publish.line_target import LineTarget
    from streamroute.publishing.event_writer import StreamTarget
    from streamroute.publishing.settings import settings_of

    settings = settings_of(loaded.document)
    trace = caller_trace(os.environ)
    async with open_server(loaded.document, embedded=options.embedded) as redis:
        target = LineTarget(StreamTarget(redis, settings, stream, lambda: trace), options.check)
        if options.check:
            await _require_valid(target, source, options.first_line)
        await _feed(target, stream, source, redis, options)


async def _require_valid(target: SupportsPublish, source: EventSource, first_line: int) -> None:
    """Print what is wrong with the events; raise StreamrouteError, so that nothing is published."""
    from streamroute.ops.publish.feed_check import check_feed
    from streamroute.text.counted import pluralize

    with progress_bar(f"checking {source.name}", source.size) as bar:
        findings = await check_feed(
            target, source.lines(), source.name, first_line=first_line, on_read=bar.update
        )
    for text in findings.shown:
        echo(text, err=True)
    if findings.wrong > len(findings.shown):
        echo(f"... and {findings.wrong - len(findings.shown)} more", err=True)
    if findings.wrong:
        events = pluralize(findings.events, "event")
        raise StreamrouteError(f"{findings.wrong} of {events} are wrong, so that nothing was published")


async def _feed(
    target: SupportsPublish, stream: str, source: EventSource, redis: RedisConnection, options: _Options
) -> None:
    from streamroute.ops.publish.feed import FeedProgress, publish_feed, tell_nobody

    progress = FeedProgress()
    with resume_hint(source, progress, options.first_line):
        try:
            with progress_bar(f"publishing to {stream}", source.size) as bar:
                feed = publish_feed(
                    target,
                    source.lines(),
                    source.name,
                    progress,
                    first_line=options.first_line,
                    on_published=_print_ids if options.ids else tell_nobody,
                )
                async for size in feed:
                    bar.update(size)
        finally:
            _conclude(stream, progress, redis)


def _print_ids(ids: Sequence[str]) -> None:
    if ids:
        echo("\n".join(ids))


def _conclude(stream: str, progress: FeedProgress, redis: RedisConnection) -> None:
    from streamroute.text.counted import pluralize

    echo(f"published {pluralize(progress.events, 'event')} to {stream} at {redis.address}", err=True)
