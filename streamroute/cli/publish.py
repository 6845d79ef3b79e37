"""``streamroute publish``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamroute.cli.paths import config_path

if TYPE_CHECKING:
    from streamroute.cli.load import Runnable


@click.command(name="publish")
@click.argument("stream")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--config", metavar="PATH", help="The routes.yaml that names the stream (default: here).")
@click.option("--type", "event_type", metavar="TYPE", help="Publish one event of this type.")
@click.option("--data", metavar="JSON", help="The event's data, a JSON object (with --type).")
@click.option("--no-embedded", is_flag=True, help="Refuse to use the embedded server.")
def command(
    stream: str,
    file: str | None,
    config: str | None,
    event_type: str | None,
    data: str | None,
    no_embedded: bool,
) -> int:
    """Write events to STREAM, as routes.yaml's redis and codec say.

    FILE holds JSON lines, an event each, with its "type" in it; - is stdin.

    \b
    Examples:
      streamroute publish bot_events events.jsonl
      streamroute publish bot_events --type booking.confirmed --data '{"nights": 3}'
    """
    from streamroute.cli.load import load_or_exit

    if (file is None) == (event_type is None):
        raise click.UsageError("name a FILE of events, or one event with --type")
    if data is not None and event_type is None:
        raise click.UsageError("--data goes with --type")
    runnable = load_or_exit(config_path(config))
    with ExitStack() as stack:
        size, chunks = _one_event(event_type, data) if event_type is not None else _lines(file or "-", stack)
        published = asyncio.run(_publish(runnable, stream, chunks, size, file or "--data", not no_embedded))
    click.echo(f"published {published} {'event' if published == 1 else 'events'} to {stream}", err=True)
    return 0


def _one_event(event_type: str, data: str | None) -> tuple[int, AsyncIterator[list[bytes]]]:
    try:
        fields = json.loads(data or "{}")
    except ValueError as error:
        raise click.UsageError(f"--data is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise click.UsageError("--data is not a JSON object")
    line = json.dumps({**fields, "type": event_type}).encode()
    return len(line), _chunk([line])


async def _chunk(lines: list[bytes]) -> AsyncIterator[list[bytes]]:
    yield lines


def _lines(file: str, stack: ExitStack) -> tuple[int, AsyncIterator[list[bytes]]]:
    from streamroute.ops.feed import read_lines

    if file == "-":
        return 0, read_lines(sys.stdin.buffer)
    path = Path(file)
    return path.stat().st_size, read_lines(stack.enter_context(path.open("rb")))


async def _publish(
    config: Runnable, stream: str, chunks: AsyncIterator[list[bytes]], size: int, name: str, embedded: bool
) -> int:
    from streamroute.adapters.connection import open_redis
    from streamroute.adapters.publisher import Publisher
    from streamroute.ops.feed import publish_feed

    document = config.document
    configured = stream_named(document.streams, stream)
    async with open_redis(document.redis.url, folder=document.folder, embedded=embedded) as redis:
        await redis.ping()
        target = Publisher(redis.client, stream, config.compiled.codecs.get(stream, configured.codec))
        published = 0
        with click.progressbar(length=size, label=f"publishing to {stream}", file=sys.stderr) as bar:
            async for count, taken in publish_feed(target, chunks, name):
                published += count
                bar.update(taken)
        return published


def stream_named(streams: Any, name: str) -> Any:
    """The configured stream of this name; raises click.UsageError where there is none."""
    from streamroute.config.suggestions import did_you_mean

    if name in streams:
        return streams[name]
    meant = did_you_mean(name, streams)
    hint = f'; did you mean "{meant}"?' if meant else f"; it has {', '.join(streams)}"
    raise click.UsageError(f'routes.yaml has no stream "{name}"{hint}')
