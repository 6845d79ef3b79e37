"""Feed: JSON lines become entries of a stream."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Any, BinaryIO, Final, Protocol

from streamroute.errors import EncodeError, StreamrouteError

_BATCH: Final = 500
_CHUNK: Final = 1024 * 1024


class FeedError(StreamrouteError):
    """Raised for a line that is not an event; the text names the file and the line."""


class Publishes(Protocol):
    """What a feed writes to: one stream."""

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        """The entry that holds this payload; raises EncodeError where none can."""
        ...

    async def publish(self, entries: list[list[bytes]]) -> list[str]:
        """Write entries; returns their ids."""
        ...


async def read_lines(source: BinaryIO) -> AsyncIterator[list[bytes]]:
    """The lines of a file or a pipe, as many at a time as are there; a pipe is not waited full."""
    rest = b""
    while chunk := await asyncio.to_thread(os.read, source.fileno(), _CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield lines
    if rest:
        yield [rest]


async def publish_feed(
    target: Publishes, chunks: AsyncIterable[list[bytes]], name: str
) -> AsyncIterator[tuple[int, int]]:
    """Publish the events of a feed, one a line; yields after each batch its events and its bytes.

    Blank lines are passed over. Raises FeedError for a line that is not an event: what came before it
    has been published, and the error says how many events that were.
    """
    published = 0
    numbers = itertools.count(1)
    async for lines in chunks:
        for start in range(0, len(lines), _BATCH):
            batch = lines[start : start + _BATCH]
            entries: list[list[bytes]] = []
            try:
                for line, number in zip(batch, numbers, strict=False):
                    if line.strip():
                        entries.append(_entry(target, line, f"{name}:{number}"))
            except FeedError as error:
                published += len(await target.publish(entries))
                raise FeedError(f"{error} ({published} events before it were published)") from None
            published += len(await target.publish(entries))
            yield len(entries), sum(len(line) + 1 for line in batch)


def _entry(target: Publishes, line: bytes, place: str) -> list[bytes]:
    try:
        return target.encode(_event(line, place))
    except EncodeError as error:
        raise FeedError(f"{place}: {error}") from None


def _event(line: bytes, place: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except UnicodeDecodeError:
        raise FeedError(f"{place}: not UTF-8") from None
    except ValueError as error:
        raise FeedError(f"{place}: not JSON: {error}") from None
    except RecursionError:
        raise FeedError(f"{place}: nested too deeply") from None
    if not isinstance(event, dict):
        raise FeedError(f"{place}: an event is a JSON object, and this is a {type(event).__name__}")
    if not isinstance(event.get("type"), str):
        raise FeedError(f'{place}: an event needs a "type" that is a string')
    return event
