"""``streamroute publish``."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamroute.cli.arguments.event_files import STDIN, display_name, open_events
from streamroute.cli.arguments.paths import ALLOW_OUTSIDE, PATH, config_path
from streamroute.cli.arguments.server import open_server
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.streams import echo, progress_bar
from streamroute.config.paths import is_file
from streamroute.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.cli.arguments.config import UsableConfig
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
@ALLOW_OUTSIDE
@click.option("--no-embedded", is_flag=True, help="Do not use the embedded server.")
def command(
    stream: str,
    file: str | None,
    config: str | None,
    event_type: str | None,
    data: str | None,
    no_embedded: bool,
) -> int:
    """Publish events to STREAM, with the Redis server and the codec of routes.yaml.

    FILE contains one JSON object per line, each an event with a "type"; - is stdin. The events belong to the
    trace of TRACEPARENT and TRACESTATE in the environment, unless they have a "traceparent" themselves.

    \b
    Examples:
      streamroute publish bot_events events.jsonl
      streamroute publish bot_events --type booking.confirmed --data '{"nights": 3}'
    """
    if (file is None) == (event_type is None):
        raise click.UsageError(_missing_file_hint(stream, file))
    if data is not None and event_type is None:
        raise click.UsageError("--data requires --type")
    set_up_logging("text", "warning")
    with ExitStack() as stack:
        source = (
            _one_event(event_type, data)
            if event_type is not None
            else _file(STDIN if file is None else file, stack)
        )
        loaded = _load(config_path(config), stream)
        if event_type is not None:
            _warn_of_near_miss(event_type, loaded)
        asyncio.run(_publish(loaded, stream, source, embedded=not no_embedded))
    return 0


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
    """Load the configuration; user code runs only if the stream has a user's codec."""
    from streamroute.adapters.codecs.builtin import CODEC_NAMES
    from streamroute.cli.arguments.config import load_or_exit

    loaded = load_or_exit(path, imports=False)
    codec = stream_named(loaded.document.streams, stream).codec
    return loaded if codec in CODEC_NAMES else load_or_exit(path)


@dataclass(frozen=True, slots=True)
class _Source:
    """The source of events; ``size`` is in bytes, None if unknown."""

    name: str
    chunks: AsyncIterator[list[bytes]]
    size: int | None


def _one_event(event_type: str, data: str | None) -> _Source:
    from streamroute.adapters.codecs.strict_json import JsonSyntaxError, read_json

    try:
        fields = read_json((data or "{}").encode(errors="surrogatepass"))
    except ValueError as error:
        hint = """; put keys and strings in double quotes: --data '{"nights": 3}'"""
        is_syntax_error = isinstance(error, JsonSyntaxError)
        raise click.UsageError(f"--data {error}{hint if is_syntax_error else ''}") from None
    if not isinstance(fields, dict):
        raise click.UsageError("--data is not a JSON object")
    line = json.dumps({**fields, "type": event_type}).encode()
    return _Source("--data", _chunk([line]), len(line))


async def _chunk(lines: list[bytes]) -> AsyncIterator[list[bytes]]:
    yield lines


def _file(file: str, stack: ExitStack) -> _Source:
    from streamroute.ops.publish.line_reader import read_lines

    source = open_events(file, stack)
    size = None if file == STDIN else os.fstat(source.fileno()).st_size
    return _Source(display_name(file), read_lines(source), size or None)


async def _publish(loaded: UsableConfig, stream: str, source: _Source, *, embedded: bool) -> None:
    from streamroute.adapters.stream.publisher import StreamPublisher
    from streamroute.ops.publish.caller_trace import in_trace_of_caller

    document = loaded.document
    codec = loaded.compiled.codecs.get(stream, document.streams[stream].codec)
    async with open_server(document, embedded=embedded) as redis:
        target = in_trace_of_caller(StreamPublisher(redis, stream, codec), os.environ)
        await _feed(target, stream, source, redis)


async def _feed(target: SupportsPublish, stream: str, source: _Source, redis: RedisConnection) -> None:
    from streamroute.ops.publish.feed import FeedProgress, publish_feed

    progress = FeedProgress()
    try:
        with progress_bar(f"publishing to {stream}", source.size) as bar:
            async for size in publish_feed(target, source.chunks, source.name, progress):
                bar.update(size)
    finally:
        _conclude(stream, progress, redis)


def _conclude(stream: str, progress: FeedProgress, redis: RedisConnection) -> None:
    from streamroute.text.counted import pluralize

    echo(f"published {pluralize(progress.events, 'event')} to {stream} at {redis.address}", err=True)
