"""Reads events from a file, or from stdin for ``-``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, Final, TextIO

import click

from streamroute.cli.arguments.path_options import outside_allowed
from streamroute.system.named_files import open_named, read_named
from streamroute.system.opening import MAX_BYTES, FileTooLargeError, NotRegularError, OutsideFolderError
from streamroute.text.truncation import clip_middle

STDIN: Final = "-"

_MAX_SHOWN_LENGTH: Final = 300  # characters of a path in a message


def display_name(file: str) -> str:
    """Return the name of the file for messages."""
    return "stdin" if file == STDIN else file


def read_events(file: str, limit: int = MAX_BYTES) -> bytes:
    """Return the content; raises click.UsageError if it cannot be read or is larger than ``limit`` bytes."""
    with _usage_errors(file):
        if file != STDIN:
            return read_named(file, limit, outside=outside_allowed())
        content = _stdin().read(limit + 1)
        if len(content) > limit:
            raise FileTooLargeError.of(limit, "it is")
        return content


def open_events(file: str, stack: ExitStack) -> BinaryIO:
    """Open a file of events, of any size; it is closed with the stack.

    Raises click.UsageError if it cannot be opened.
    """
    if file == STDIN:
        return _stdin()
    with _usage_errors(file):
        return stack.enter_context(os.fdopen(open_named(file, outside=outside_allowed()), "rb"))


def _stdin() -> BinaryIO:
    stream: TextIO | None = sys.stdin  # None if the process was started with stdin closed
    if stream is None:
        raise click.UsageError("stdin is closed: there is nothing to read")
    return stream.buffer


@contextmanager
def _usage_errors(file: str) -> Iterator[None]:
    name = clip_middle(display_name(file), _MAX_SHOWN_LENGTH)
    if not file:
        raise click.UsageError("the name of the file is empty")
    try:
        yield
    except FileNotFoundError:
        raise click.UsageError(f"{name} does not exist") from None
    except IsADirectoryError:
        raise click.UsageError(f"{name} is a folder, not a file") from None
    except OutsideFolderError as error:
        advice = "name the place that it leads to, or say --allow-outside"
        raise click.UsageError(f"{name} is not read: {error.strerror}; {advice}") from None
    except NotRegularError as error:
        advice = f"to read it all the same, give it as stdin: - < {name}"
        raise click.UsageError(f"{name} is not read: {error.strerror}; {advice}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise click.UsageError(f"{name} cannot be read: {reason}") from None
