"""Feed: JSON lines become entries of a stream."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from streamroute.adapters.codecs.strict_json import read_json
from streamroute.errors import EncodeError, StreamrouteError

_MOST: Final = 500  # events in one batch
_LARGEST: Final = 4 * 1024 * 1024  # bytes of one batch, unless a single event has more
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class FeedError(StreamrouteError):
    """Raised for a line that is not an event; the text names the feed and the line."""


class SupportsPublish(Protocol):
    """What a feed writes to: one stream."""

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        """The entry that holds this payload; raises EncodeError where none can."""
        ...

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        """Write entries in order, all or none; returns their ids."""
        ...


@dataclass(slots=True)
class FeedProgress:
    """How far a feed has come: events that were published, lines and bytes that were read."""

    events: int = 0
    lines: int = 0
    bytes: int = 0


async def publish_feed(
    target: SupportsPublish, chunks: AsyncIterable[list[bytes]], name: str, progress: FeedProgress
) -> AsyncIterator[int]:
    """Publish the events of a feed, one a line; counts in ``progress``, and yields each batch's bytes.

    Blank lines are passed over. Raises FeedError for a line that is not an event, when what came before
    it has been published.
    """
    async for chunk in chunks:
        for lines in _batches(chunk):
            entries, broken = _encoded(target, lines, progress.lines)
            await target.publish(entries)
            progress.events += len(entries)
            if broken is not None:
                raise FeedError(f"{name}:{broken}")
            progress.lines += len(lines)
            progress.bytes += (size := sum(len(line) + 1 for line in lines))
            yield size


def read_event(line: bytes) -> dict[str, Any]:
    """The event that a line holds; raises FeedError, without a place, for anything else."""
    try:
        event = read_json(line)
    except ValueError as error:
        raise FeedError(f"the line {error}{_one_a_line(line)}") from None
    if not isinstance(event, dict):
        raise FeedError(f"the line is JSON, but not an object, and an event is one{_one_a_line(line)}")
    return event


def _one_a_line(line: bytes) -> str:
    """What to do about a list of events, and about an event over several lines."""
    text = line.strip()
    if text.startswith(b"["):
        return "; an event is a line of its own, not an item of a list: jq -c '.[]' FILE writes them so"
    if text.startswith(b"{") and not text.endswith(b"}"):
        return "; an event is one line, not several: jq -c . FILE writes it so"
    return ""


def _batches(lines: list[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == _MOST or size + len(line) > _LARGEST):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line)
    yield batch


def _encoded(
    target: SupportsPublish, lines: list[bytes], before: int
) -> tuple[list[list[bytes]], str | None]:
    """The entries of these lines up to the first that is none, and where and what is wrong with that one."""
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
