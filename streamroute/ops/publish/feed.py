"""Feed: publish JSON lines as entries of a stream."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from streamroute.adapters.codecs.strict_json import read_json
from streamroute.errors import EncodeError, PayloadError, StreamrouteError
from streamroute.text.counted import pluralize
from streamroute.text.safe_text import safe_str

_MAX_BATCH_EVENTS: Final = 500  # events in one batch
_MAX_BATCH_BYTES: Final = 4 * 1024 * 1024  # bytes of one batch, unless a single event is larger
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class FeedError(StreamrouteError):
    """Raised for a line that is not an event; the text names the feed and the line, which is ``line``."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class SupportsPublish(Protocol):
    """A publisher to one stream."""

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        """Return the fields of an entry for this payload.

        Raises EncodeError if it cannot be encoded, PayloadError if it does not fit the catalogue.
        """
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


def tell_nobody(_ids: Sequence[str]) -> None:
    """Default of ``on_published``."""


async def publish_feed(
    target: SupportsPublish,
    chunks: AsyncIterable[list[bytes]],
    name: str,
    progress: FeedProgress,
    *,
    first_line: int = 1,
    on_published: Callable[[Sequence[str]], None] = tell_nobody,
) -> AsyncIterator[int]:
    """Publish the events of a feed, one per line; update ``progress``, and yield the bytes of each batch.

    Blank lines and the lines before ``first_line`` are skipped. ``on_published`` is called with the ids of
    each batch. Raises FeedError for a line that is not an event, after the events before it have been
    published, and StreamrouteError if the feed ends before ``first_line``.
    """
    async for chunk in chunks:
        for lines in _batches(chunk):
            entries, wrong = _encoded(encoded_lines(target, lines, progress.lines, first_line))
            ids = await target.publish(entries)
            progress.events += len(entries)
            on_published(ids)
            if wrong is not None:
                raise FeedError(f"{name}:{wrong.number}: {wrong.problem}", wrong.number)
            progress.lines += len(lines)
            progress.bytes += (size := sum(len(line) + 1 for line in lines))
            yield size
    require_first_line(name, progress.lines, first_line)


def require_first_line(name: str, lines: int, first_line: int) -> None:
    """Raise StreamrouteError if a feed of so many lines ends before ``first_line``.

    The line behind the last one is no error: a feed that was published whole resumes there.
    """
    if first_line > lines + 1:
        raise StreamrouteError(f"{name} ends before line {first_line}: it has {pluralize(lines, 'line')}")


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


class EncodedLine(NamedTuple):
    """The event of a line: its entry, or its problem; ``number`` counts from 1."""

    number: int
    entry: list[bytes]
    problem: str = ""


def encoded_lines(
    target: SupportsPublish, lines: list[bytes], before: int, first_line: int
) -> Iterator[EncodedLine]:
    """Encode the events of lines, of which ``before`` others come first.

    Blank lines and those before ``first_line`` are skipped.
    """
    for number, line in enumerate(lines, before + 1):
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if number < first_line or not text.strip():
            continue
        try:
            yield EncodedLine(number, target.encode(read_event(text)))
        except (EncodeError, FeedError, PayloadError) as error:
            yield EncodedLine(number, [], safe_str(error))


def _encoded(events: Iterator[EncodedLine]) -> tuple[list[list[bytes]], EncodedLine | None]:
    """Return the entries up to the first line with a problem, and that line."""
    entries: list[list[bytes]] = []
    for event in events:
        if event.problem:
            return entries, event
        entries.append(event.entry)
    return entries, None
