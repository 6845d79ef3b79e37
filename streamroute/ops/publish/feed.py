"""Feed: publish JSON lines as entries of a stream."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from streamroute.adapters.codecs.strict_json import read_json
from streamroute.errors import EncodeError, StreamrouteError

_MAX_BATCH_EVENTS: Final = 500  # events in one batch
_MAX_BATCH_BYTES: Final = 4 * 1024 * 1024  # bytes of one batch, unless a single event is larger
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class FeedError(StreamrouteError):
    """Raised for a line that is not an event; the text names the feed and the line."""


class SupportsPublish(Protocol):
    """A publisher to one stream."""

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        """Return the fields of an entry for this payload; raise EncodeError if it cannot be encoded."""
        ...

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        """Write entries in order, all or none; return their ids."""
        ...


@dataclass(slots=True)
class FeedProgress:
    """The progress of a feed: events published, lines and bytes read."""

    events: int = 0
    lines: int = 0
    bytes: int = 0


async def publish_feed(
    target: SupportsPublish, chunks: AsyncIterable[list[bytes]], name: str, progress: FeedProgress
) -> AsyncIterator[int]:
    """Publish the events of a feed, one per line; update ``progress``, and yield the bytes of each batch.

    Blank lines are skipped. Raises FeedError for a line that is not an event, after the events before it
    have been published.
    """
    async for chunk in chunks:
        for lines in _batches(chunk):
            entries, error = _encoded(target, lines, progress.lines)
            await target.publish(entries)
            progress.events += len(entries)
            if error is not None:
                raise FeedError(f"{name}:{error}")
            progress.lines += len(lines)
            progress.bytes += (size := sum(len(line) + 1 for line in lines))
            yield size


def read_event(line: bytes) -> dict[str, Any]:
    """Parse the event of a line; raise FeedError, without file and line number, for anything else."""
    try:
        event = read_json(line)
    except ValueError as error:
        raise FeedError(f"the line {error}{_one_per_line_hint(line)}") from None
    if not isinstance(event, dict):
        raise FeedError(f"the line is not a JSON object{_one_per_line_hint(line)}")
    return event


def _one_per_line_hint(line: bytes) -> str:
    """Return a hint for a JSON array of events, or for an event over several lines."""
    text = line.strip()
    if text.startswith(b"["):
        return "; write each event of the list on its own line: jq -c '.[]' FILE"
    if text.startswith(b"{") and not text.endswith(b"}"):
        return "; write each event on one line: jq -c . FILE"
    return ""


def _batches(lines: list[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == _MAX_BATCH_EVENTS or size + len(line) > _MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    yield batch


def _encoded(
    target: SupportsPublish, lines: list[bytes], before: int
) -> tuple[list[list[bytes]], str | None]:
    """Return the entries of the lines up to the first invalid one, and its line number and error."""
    entries: list[list[bytes]] = []
    for number, line in enumerate(lines, before + 1):
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if not text.strip():
            continue
        try:
            entries.append(target.encode(read_event(text)))
        except (EncodeError, FeedError) as error:
            return entries, f"{number}: {error}"
    return entries, None
