"""Output: the only module that writes to stdout and stderr.

File names, keys and exception messages are untrusted. They must not move a terminal's cursor, hide or reverse
other text, or contain commands to a CI.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO
from typing import TYPE_CHECKING, Any, Final, TextIO

from streamroute.cli.output.standard_streams import discard
from streamroute.errors import StreamrouteError
from streamroute.text.display_width import shorten
from streamroute.text.json_text import as_json
from streamroute.text.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    import click
    from click._termui_impl import ProgressBar

REPLACEMENT: Final = "\ufffd"
_ERASE_LINE_ABOVE: Final = "\x1b[1A\x1b[2K"
_ERASE_LINE: Final = "\r\x1b[2K"
_BAR: Final = 60  # columns of a bar, with its percentage and the time that is left
_LEAST_LABEL: Final = 8
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LAYOUT: Final = lazy_pattern(r"([\n\t])")
_LAYOUT_AND_STYLE: Final = lazy_pattern(r"([\n\t]|\x1b\[(?:0|1|3[1-7])m)")
"""Line breaks, tabs, and the styles of click.style() that streamroute uses."""
_COMMAND: Final = lazy_pattern(r"^([^\S\n]*+):(?=:)|#(?=#\[)", re.MULTILINE)
"""Commands to GitHub's runner: ``::`` at the start of a line, and the older ``##[`` anywhere."""


def printable(text: str) -> str:
    """Return the text on one line, without characters that could move the cursor or hide text."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(REPLACEMENT if unicodedata.category(char) in _HIDDEN else char for char in text)


def sanitize(text: str, *, styled: bool = False) -> str:
    """Remove control characters and commands to a CI; with ``styled``, keep the styles of click."""
    allowed = _LAYOUT_AND_STYLE if styled else _LAYOUT
    parts = allowed.split(text)
    sanitized = "".join(part if at % 2 else printable(part) for at, part in enumerate(parts))
    return _COMMAND.sub(_replace_marker, sanitized)


def _replace_marker(command: re.Match[str]) -> str:
    return f"{command[1] or ''}{REPLACEMENT}"


def echo(text: str, *, err: bool = False, nl: bool = True) -> bool:
    """Write text, with colors only on a terminal; returns False if the reader has closed the stream."""
    stream = sys.stderr if err else sys.stdout
    erase_status_line()
    return _write(sanitize(text, styled=stream.isatty()), stream, nl=nl)


def write_json(value: Any) -> None:
    """Write a value as a JSON document."""
    _write(as_json(value), sys.stdout)


def write_document(text: str) -> bool:
    """Write a document whose renderer has escaped it: XML, a graph, intended CI commands.

    Returns False if the reader has closed stdout.
    """
    return _write(text, sys.stdout, nl=False)


def echo_usage_error(error: click.ClickException) -> None:
    """Write a usage error in click's format."""
    buffer = StringIO()
    error.show(buffer)
    echo(buffer.getvalue(), err=True, nl=False)


def confirm(question: str) -> None:
    """Ask for confirmation on stderr; raises click.Abort if the answer is no."""
    import click

    click.confirm(sanitize(question), abort=True, err=True)


def ask(question: str, *, default: bool) -> bool:
    """Ask a question on stderr, and return the answer."""
    import click

    return click.confirm(sanitize(question), default=default, err=True)


def clear_screen() -> None:
    """Clear the terminal, and move the cursor to its top."""
    _write("\x1b[2J\x1b[3J\x1b[H", sys.stdout, nl=False)


def redraw(text: str) -> bool:
    """Write text over what is on the terminal, without a flicker; returns False if the terminal is gone."""
    lines = (f"{line}\x1b[K" for line in sanitize(text).split("\n"))
    return _write("\x1b[H" + "\n".join(lines) + "\x1b[J", sys.stdout)


class _StatusLine:
    """Whether the last line of the terminal is a status, which other output replaces."""

    is_shown = False


def has_status_line() -> bool:
    """Whether stderr is a terminal on which a line can be replaced."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def show_status_line(text: str) -> None:
    """Show a line on stderr in place of the one before, until other output replaces it."""
    _StatusLine.is_shown = True
    _write(f"{_ERASE_LINE}{printable(text)}", sys.stderr, nl=False)


def erase_status_line() -> None:
    """Erase the status line, if there is one."""
    if _StatusLine.is_shown:
        _StatusLine.is_shown = False
        _write(_ERASE_LINE, sys.stderr, nl=False)


@contextmanager
def progress_bar(label: str, size: int | None) -> Iterator[ProgressBar[Any]]:
    """Show a progress bar within the block, if stderr is a terminal, and erase it at the end.

    Without ``size``, the bar only shows activity.
    """
    import click

    hidden = not has_status_line()
    endless = iter(int, 1) if size is None else None
    try:
        with click.progressbar(endless, size, bar_label(label), file=sys.stderr, hidden=hidden) as bar:
            yield bar
    finally:
        if not hidden:  # the bar has written a line break
            _write(_ERASE_LINE_ABOVE, sys.stderr, nl=False)


def bar_label(text: str) -> str:
    """Return a label that leaves room for the bar: a line that wraps could not be erased."""
    import shutil

    return shorten(printable(text), max(_LEAST_LABEL, shutil.get_terminal_size().columns - _BAR))


def write_at_once(line: str) -> None:
    """Write one line to stderr; may be called in a signal handler, which may interrupt another write."""
    with suppress(OSError, ValueError):  # an error of stderr cannot be reported; user code may close it
        start = _ERASE_LINE if _StatusLine.is_shown else ""
        os.write(sys.stderr.fileno(), f"{start}{line}\n".encode(errors="backslashreplace"))


def capture_warnings() -> None:
    """Write Python's warnings, which may quote source code, sanitized like all other output."""

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
    """Write and flush; returns False if the reader has closed the stream.

    A reader that stops early (``| head``) does not change the command's work or its exit code. Raises
    StreamrouteError if stdout cannot be written; ignores errors of stderr.
    """
    try:
        if "\x1b" in text:  # click removes styles if the stream is not a terminal
            import click

            click.echo(text, file=stream, nl=nl)
        else:
            stream.write(f"{text}\n" if nl else text)
            stream.flush()
    except UnicodeEncodeError:  # characters that the locale does not have
        known = text.encode(stream.encoding, "backslashreplace").decode(stream.encoding)
        return _write(known, stream, nl=nl)
    except OSError as error:
        discard(stream)
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            raise StreamrouteError(f"could not write the output: {error.strerror}") from error
        return False
    return True
