"""The events that a command publishes: the lines of a file, of stdin, or one of the command line."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import click

from streamroute.cli.arguments.event_files import STDIN, display_name, open_events
from streamroute.cli.output.streams import echo
from streamroute.errors import RedisUnavailableError, SetupError

if TYPE_CHECKING:
    from streamroute.ops.publish.feed import FeedProgress


@dataclass(frozen=True, slots=True)
class EventSource:
    """A source of events; ``size`` is in bytes, None if unknown. ``lines`` reads it from the beginning."""

    name: str
    lines: Callable[[], AsyncIterator[list[bytes]]]
    size: int | None
    is_file: bool = True


def one_event(event_type: str, data: str | None) -> EventSource:
    """Return the event of the command line; raises click.UsageError if ``data`` is not a JSON object."""
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
    return EventSource("--data", lambda: _chunk([line]), len(line), is_file=False)


async def _chunk(lines: list[bytes]) -> AsyncIterator[list[bytes]]:
    yield lines


def lines_of(file: str, stack: ExitStack, *, twice: bool) -> EventSource:
    """Return the lines of a file or of stdin; what cannot be read ``twice`` is copied to a file first.

    Raises click.UsageError if it cannot be opened.
    """
    source = open_events(file, stack)
    if twice and not source.seekable():
        source = _copied(source, stack)
    size = None if file == STDIN else os.fstat(source.fileno()).st_size
    start = os.lseek(source.fileno(), 0, os.SEEK_CUR) if twice else None
    return EventSource(display_name(file), lambda: _lines(source, start), size or None)


def _copied(source: BinaryIO, stack: ExitStack) -> BinaryIO:
    copy = stack.enter_context(tempfile.TemporaryFile(prefix="streamroute-"))  # noqa: SIM115 - the stack closes it
    shutil.copyfileobj(source, copy)
    copy.seek(0)  # writes what is buffered: the lines are read by the descriptor
    return copy


async def _lines(source: BinaryIO, start: int | None) -> AsyncIterator[list[bytes]]:
    from streamroute.ops.publish.line_reader import read_lines

    if start is not None:
        os.lseek(source.fileno(), start, os.SEEK_SET)
    async for lines in read_lines(source):
        yield lines


@contextmanager
def resume_hint(source: EventSource, progress: FeedProgress, first_line: int) -> Iterator[None]:
    """Add to an error within the block the line from which the command can go on."""
    from streamroute.ops.publish.feed import FeedError

    if not source.is_file:
        yield
        return
    try:
        yield
    except FeedError as error:
        raise FeedError(f"{error}; mend it and resume with --from-line {error.line}", error.line) from None
    except RedisUnavailableError as error:
        line = max(progress.lines + 1, first_line)
        advice = f"resume with --from-line {line}; up to 500 events from there may have been published"
        raise RedisUnavailableError(f"{error}; {advice}") from error
    except SetupError as error:
        line = max(progress.lines + 1, first_line)
        raise SetupError(f"{error}; resume with --from-line {line}") from error
    except (asyncio.CancelledError, KeyboardInterrupt):
        line = max(progress.lines + 1, first_line)
        echo(f"interrupted; resume with --from-line {line}, from where events may be in the stream", err=True)
        raise
