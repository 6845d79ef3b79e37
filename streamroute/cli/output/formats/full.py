"""The default format: each finding with its source line, a caret below it, and its help."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from streamroute.cli.output.streams import printable
from streamroute.cli.output.tables.wrapping import hang
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.quoting import hide_secrets
from streamroute.config.findings.text_file import TextFile
from streamroute.text.display_width import display_width

MAX_WIDTH: Final = 120
_BEFORE_CARET: Final = 40
_NARROWEST: Final = 30
_TAB: Final = "    "
_COLORS: Final = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}

_Paint = Callable[[str, str], str]


def render_full(
    findings: Sequence[Finding],
    files: Mapping[str, TextFile],
    *,
    color: bool = False,
    columns: int | None = None,
) -> str:
    """Render each finding with its source line, a caret below it, and its help, separated by blank lines.

    ``columns`` is the width of the terminal (None: no limit). Texts are wrapped, lines of the source are cut:
    a wrapped one would be separated from its caret.
    """
    paint = _paint if color else _plain
    return "\n".join(_full(finding, files.get(finding.file), paint, columns) for finding in findings)


def _paint(text: str, style: str) -> str:
    import click

    return click.style(text, bold=True) if style == "bold" else click.style(text, fg=style, bold=True)


def _plain(text: str, style: str) -> str:  # noqa: ARG001 - the same call as _paint
    return text


def _full(finding: Finding, file: TextFile | None, paint: _Paint, columns: int | None) -> str:
    span = finding.span
    location = paint(printable(f"{finding.file}:{span.line}:{span.column}"), "bold")
    rule = paint(f"{finding.severity}[{finding.code}]", _COLORS[finding.severity])
    lines = [hang(f"{location}: {rule}: {printable(finding.text)}", columns, 2)]
    source = file.line(span.line) if file else ""
    gutter = " " * len(str(span.line))
    if source.strip():
        room = _room(columns, len(gutter))
        text, caret = _excerpt(hide_secrets(source), span.column - 1, _end_column(finding, source), room)
        lines += [
            f"{gutter} |",
            f"{span.line} | {text}",
            f"{gutter} | {paint(caret, _COLORS[finding.severity])}",
        ]
    if finding.help:
        start = f"{gutter} = help: "
        lines.append(hang(f"{start}{printable(finding.help)}", columns, len(start)))
    return "\n".join(lines) + "\n"


def _end_column(finding: Finding, source: str) -> int:
    """Return the end column of the carets; a span of several lines is marked to the end of its first line."""
    span = finding.span
    end = span.end_column - 1 if span.end_line == span.line else len(source.rstrip())
    return max(end, span.column)


def _room(columns: int | None, gutter: int) -> int:
    """Return the width of an excerpt that fits after the line number, with dots at both ends."""
    if columns is None:
        return MAX_WIDTH
    return max(_NARROWEST, min(MAX_WIDTH, columns - gutter - len(" | ") - 2 * len("...")))


def _excerpt(source: str, start: int, end: int, room: int) -> tuple[str, str]:
    """Return the part of a line around ``start``, and the carets below it, in terminal columns."""
    first = 0
    if _fitting(source, first, room) < len(source):
        first = max(0, start - min(_BEFORE_CARET, room // 2))
    last = _fitting(source, first, room)
    head, tail = "..." if first else "", "..." if last < len(source) else ""
    before = display_width(head + _expand_tabs(source[first:start]))
    carets = display_width(_expand_tabs(source[start : min(end, last)]))
    return f"{head}{_expand_tabs(source[first:last])}{tail}", " " * before + "^" * max(carets, 1)


def _fitting(source: str, first: int, room: int) -> int:
    for position in range(first, len(source)):
        room -= display_width(_expand_tabs(source[position]))
        if room < 0:
            return position
    return len(source)


def _expand_tabs(text: str) -> str:
    return printable(text.replace("\t", _TAB))
