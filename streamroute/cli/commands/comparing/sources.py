"""Reads the events by which two configurations are compared: entries of a stream, or lines of a file."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from streamroute.adapters.groups.newest_entries import NewestEntries
from streamroute.cli.arguments.event_files import STDIN, display_name, open_events
from streamroute.cli.output.streams import progress_bar
from streamroute.errors import EncodeError
from streamroute.ops.publish.feed import FeedError, read_event
from streamroute.ops.publish.line_reader import read_lines
from streamroute.services.server_connection import open_server

if TYPE_CHECKING:
    from streamroute.config.document import Document
    from streamroute.ops.diff.comparison import ConfigComparison

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class StreamEntries:
    """The newest entries of a stream; nothing is written, and no group is used."""

    stream: str
    last: int
    embedded: bool

    async def add_to(self, comparison: ConfigComparison, document: Document) -> str:
        """Compare the entries, newest first, and return what was compared, in words.

        Raises RedisUnavailableError or SetupError if they cannot be read.
        """
        async with open_server(document, embedded=self.embedded, create=False) as redis:
            entries = NewestEntries(redis, self.stream, self.last)
            with progress_bar(f"comparing {self.stream}", await entries.count() or None) as bar:
                count = 0
                async for rows in entries.pages():
                    for entry_id, parts in rows:
                        comparison.add_entry(entry_id.decode(), parts)
                    count += len(rows)
                    bar.update(len(rows))
        newest = "the newest " if count == self.last else ""
        return f"{newest}{_counted(count, 'entry', 'entries')} of {self.stream}"


@dataclass(frozen=True, slots=True)
class EventLines:
    """The events of a JSON lines file; ``size`` is in bytes, None if unknown."""

    name: str
    file: BinaryIO
    size: int | None

    async def add_to(self, comparison: ConfigComparison, _document: Document) -> str:
        """Compare the events, and return what was compared, in words.

        Raises FeedError for a line that is not an event.
        """
        number = count = 0
        with progress_bar(f"comparing {self.name}", self.size) as bar:
            async for lines in read_lines(self.file):
                for line in lines:
                    number += 1
                    count += self._add(comparison, number, line)
                bar.update(sum(len(line) + 1 for line in lines))
        return f"{_counted(count, 'event', 'events')} of {self.name}"

    def _add(self, comparison: ConfigComparison, number: int, line: bytes) -> bool:
        """Compare the event of a line; returns whether there is one."""
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if not text.strip():
            return False
        try:
            comparison.add_event(f"line {number}", read_event(text))
        except (EncodeError, FeedError) as error:
            raise FeedError(f"{self.name}:{number}: {error}") from None
        return True


def open_lines(file: str, stack: ExitStack) -> EventLines:
    """Open a file of events, - for stdin; it is closed with the stack. Raises click.UsageError."""
    source = open_events(file, stack)
    size = None if file == STDIN else os.fstat(source.fileno()).st_size
    return EventLines(display_name(file), source, size or None)


def _counted(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"
