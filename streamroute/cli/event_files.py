"""Events that a command is given: a file that the user names, or ``-`` for stdin."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, Final

import click

from streamroute.cli.paths import outside_allowed
from streamroute.files import MAX_BYTES, FileTooLargeError, OutsideFolderError
from streamroute.named_files import open_named, read_named

STDIN: Final = "-"


def name_of(file: str) -> str:
    """What messages call it."""
    return "stdin" if file == STDIN else file


def read_events(file: str, limit: int = MAX_BYTES) -> bytes:
    """The whole content. Raises click.UsageError where it cannot be read, or is larger than the limit."""
    with _refusals(file):
        if file != STDIN:
            return read_named(file, limit, outside=outside_allowed())
        content = sys.stdin.buffer.read(limit + 1)
        if len(content) > limit:
            raise FileTooLargeError.of(limit, "it is")
        return content


def open_events(file: str, stack: ExitStack) -> BinaryIO:
    """The file to read events from, of any size, closed with the stack.

    Raises click.UsageError where it cannot be read.
    """
    if file == STDIN:
        return sys.stdin.buffer
    with _refusals(file):
        return stack.enter_context(os.fdopen(open_named(file, outside=outside_allowed()), "rb"))


@contextmanager
def _refusals(file: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise click.UsageError(f"{name_of(file)} does not exist") from None
    except IsADirectoryError:
        raise click.UsageError(f"{file} is a folder, not a file") from None
    except OutsideFolderError as error:
        advice = "name the place that it leads to, or say --allow-outside"
        raise click.UsageError(f"{file} is not read: {error.strerror}; {advice}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise click.UsageError(f"{name_of(file)} cannot be read: {reason}") from None
