"""Output: the one place that writes to stdout and stderr.

File names, keys, messages of others' exceptions: what is printed comes from strangers. Nothing of it may move
a terminal's cursor, hide or turn what stands beside it, or be a command to the CI that reads the log.
"""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from streamroute.cli.output.standard_streams import discard
from streamroute.errors import StreamrouteError

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

REPLACEMENT: Final = "\ufffd"
_ERASE_LINE_ABOVE: Final = "\x1b[1A\x1b[2K"
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LAYOUT: Final = re.compile(r"([\n\t])")
_LAYOUT_AND_STYLE: Final = re.compile(r"([\n\t]|\x1b\[(?:0|1|3[1-7])m)")
"""Layout, and what click.style() makes of the colors and the bold that streamroute uses."""
_COMMAND: Final = re.compile(r"^([^\S\n]*+):(?=:)|#(?=#\[)", re.MULTILINE)
"""What GitHub's runner obeys: ``::`` where a line begins, and, of old, ``##[`` anywhere."""
_ESCAPES: Final = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u[dD][89a-fA-F]..|\\.")


def printable(text: str) -> str:
    """The text on one line, with every character replaced that could move a cursor or hide what is there."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(REPLACEMENT if unicodedata.category(char) in _HIDDEN else char for char in text)


def sanitize(text: str, *, styled: bool = False) -> str:
    """Lines of text without control characters and without a command to a CI; its own colors stay."""
    kept = _LAYOUT_AND_STYLE if styled else _LAYOUT
    parts = kept.split(text)
    clean = "".join(part if at % 2 else printable(part) for at, part in enumerate(parts))
    return _COMMAND.sub(_replace_marker, clean)


def _replace_marker(command: re.Match[str]) -> str:
    return f"{command[1] or ''}{REPLACEMENT}"


def echo(text: str, *, err: bool = False, nl: bool = True) -> bool:
    """Write text for people; colors only where a terminal shows them. Returns whether anybody reads it."""
    stream = sys.stderr if err else sys.stdout
    return _write(sanitize(text, styled=stream.isatty()), stream, nl=nl)


def write_json(value: Any) -> None:
    """Write a value as JSON: a text of its own."""
    _write(as_json(value), sys.stdout)


def as_json(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """A value as JSON in ASCII, which any parser reads: halves of surrogate pairs are replaced."""
    text = json.dumps(value, indent=2, default=default).replace("\x7f", "\\u007f").replace("##[", "\\u0023#[")
    return _ESCAPES.sub(_whole, text) if "\\ud" in text else text


def _whole(escape: re.Match[str]) -> str:
    is_half = len(escape[0]) == len("\\ud800")
    return "\\ufffd" if is_half else escape[0]


def write_document(text: str) -> bool:
    """Write what a format of its own has made harmless already: XML, a drawing, commands that are meant.

    Returns whether anybody reads it.
    """
    return _write(text, sys.stdout, nl=False)


def echo_usage_error(error: click.ClickException) -> None:
    """Write what is wrong with a command's words, as click words it."""
    shown = StringIO()
    error.show(shown)
    echo(shown.getvalue(), err=True, nl=False)


def confirm(question: str) -> None:
    """Ask on stderr; raises click.Abort for a no."""
    click.confirm(sanitize(question), abort=True, err=True)


def clear_screen() -> None:
    """Begin at the top of an empty terminal."""
    _write("\x1b[2J\x1b[3J\x1b[H", sys.stdout, nl=False)


@contextmanager
def progress_bar(label: str, size: int | None) -> Iterator[ProgressBar[Any]]:
    """A bar on a terminal while something goes on, of which nothing is left there; elsewhere nothing.

    Without a ``size`` it only shows that something moves.
    """
    hidden = not sys.stderr.isatty() or os.environ.get("TERM") == "dumb"
    endless = iter(int, 1) if size is None else None
    try:
        with click.progressbar(endless, size, printable(label), file=sys.stderr, hidden=hidden) as bar:
            yield bar
    finally:
        if not hidden:  # the bar has ended its line
            _write(_ERASE_LINE_ABOVE, sys.stderr, nl=False)


def write_at_once(line: str) -> None:
    """Write one line to stderr; fit for a signal handler, which may interrupt another write."""
    with suppress(OSError):  # of what cannot be written to stderr nobody can be told
        os.write(sys.stderr.fileno(), f"{line}\n".encode(errors="backslashreplace"))


def capture_warnings() -> None:
    """Have Python's own warnings, which may quote somebody's source, written as everything else is."""

    warnings.showwarning = _say_warning


def _say_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,  # noqa: ARG001 - Python's signature
    lineno: int,  # noqa: ARG001
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    echo(f"{category.__name__}: {printable(str(message))}", err=True)


def _write(text: str, stream: TextIO, *, nl: bool = True) -> bool:
    """Write and flush; returns whether anybody reads it.

    Whoever has read enough (``| head``) changes nothing: the command goes on, and its exit code says what it
    always says. Raises StreamrouteError where stdout cannot be written; a stderr that cannot is left alone.
    """
    try:
        click.echo(text, file=stream, nl=nl)
    except OSError as error:
        discard(stream)
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            raise StreamrouteError(f"the output cannot be written: {error.strerror}") from error
        return False
    return True
