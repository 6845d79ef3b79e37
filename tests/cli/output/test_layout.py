"""The layout of a stream: fitted to a terminal, complete elsewhere."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import termios
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from streamroute.cli.output.layout import PLAIN, OutputLayout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        yield stream
    os.close(ours)


def resize(stream: TextIO, columns: int) -> None:
    fcntl.ioctl(stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def test_a_pipe_has_no_width_and_no_color() -> None:
    assert OutputLayout.of(StringIO()) == PLAIN


@pytest.mark.parametrize(("columns", "width"), [(60, 60), (200, 200), (3, 20)])
def test_a_terminal_has_its_width(terminal: TextIO, columns: int, width: int) -> None:
    resize(terminal, columns)
    assert OutputLayout.of(terminal).width == width


@pytest.mark.parametrize(("variable", "width"), [("", 80), ("100", 100), ("x", 80), ("99999", 80)])
def test_a_terminal_that_does_not_tell_its_width(
    terminal: TextIO, monkeypatch: pytest.MonkeyPatch, variable: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", variable)
    assert OutputLayout.of(terminal).width == width


def test_an_indent_takes_from_the_width() -> None:
    assert OutputLayout(80, color=True).indented(2) == OutputLayout(78, color=True)
    assert PLAIN.indented(2) == PLAIN
