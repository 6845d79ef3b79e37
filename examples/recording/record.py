"""Record a session in a terminal as an animated SVG: ``python examples/recording/record.py [FILE]``.

Each command of ``SESSION`` is run in a copy of ``examples/bookings``, on a terminal of its own. What it
prints, with its colours, becomes ``recording.svg``: commands are typed, outputs appear, and the last picture
stays. Without animations, or for people who prefer reduced motion, it is shown at once.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
RECORDING: Final = HERE / "recording.svg"
COLUMNS: Final = 113

ROUTES: Final = "features/notifications/routes.yaml"
SESSION: Final = (
    f"sed -i 's/filter: guest/fliter: guest/' {ROUTES}",
    "streamroute check",
    "streamroute check --fix",
    "streamroute serve --feed events.jsonl --drain 2>serve.log",
    """streamroute explain --type booking.confirmed \\
    --data '{"nights": 2, "guest": {"tier": "gold"}}'""",
)

# Seconds
_TYPED: Final = 0.03
"""For one character of a command."""
_THOUGHT: Final = 0.6
"""Before a command is typed."""
_READ: Final = 0.25
"""For one line of output, before the next command."""

# Pixels
_CHARACTER: Final = 8.4
_LINE: Final = 19
_MARGIN: Final = 18

_COLORS: Final = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#56d4dd"}
_STYLE: Final = re.compile(r"\x1b\[([\d;]*)m")
_CONTROL: Final = re.compile(r"\x1b\[[\d;?]*[A-Za-ln-z]")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line in one style: a colour and whether it is bold."""

    text: str
    color: str = ""
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the recording: when it appears, in seconds, and for how long it is typed."""

    spans: tuple[Span, ...]
    at: float
    typed: float = 0.0

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


def main(target: Path = RECORDING) -> None:
    """Record the session and write the SVG."""
    with tempfile.TemporaryDirectory() as folder:
        target.write_text(svg_of(record(Path(folder))), encoding="utf-8")
    print(f"wrote {target}")


def record(folder: Path) -> list[Line]:
    """Run the session in a copy of the example below ``folder``; return its lines."""
    project = folder / "bookings"
    shutil.copytree(
        HERE.parent / "bookings", project, ignore=shutil.ignore_patterns(".streamroute", "__pycache__")
    )
    programs = folder / "bin"
    programs.mkdir()
    program = programs / "streamroute"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m streamroute "$@"\n')
    program.chmod(0o755)
    return list(_lines(project, programs))


def _lines(project: Path, programs: Path) -> Iterator[Line]:
    now = 0.0
    for command in SESSION:
        now += _THOUGHT
        prompt = Span("$ ", _COLORS[32], bold=True)
        for number, part in enumerate(command.split("\n")):
            typed = _TYPED * len(part)
            yield Line((Span("  "), Span(part)) if number else (prompt, Span(part)), now, typed)
            now += typed
        shown = _on_terminal(command, project, programs).rstrip("\n").split("\n")
        for text in shown if shown != [""] else []:
            for row in _rows(_spans(text)):
                yield Line(row, now)
        now += _READ * len(shown)


def _on_terminal(command: str, project: Path, programs: Path) -> str:
    """Return what a command prints on a terminal, with its colours."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "CI", "REDIS_URL"}}
    environment = {
        **kept,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "TERM": "xterm",
        "COLUMNS": str(COLUMNS),
        "HOME": str(programs.parent),
    }
    running = subprocess.Popen(
        ["bash", "-c", command], cwd=project, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    try:
        while chunk := os.read(ours, 65536):
            written += chunk
    except OSError:  # Linux raises it when the other end is closed
        pass
    finally:
        os.close(ours)
    running.wait(60)
    return _CONTROL.sub("", written.decode().replace("\r\n", "\n"))


def _spans(text: str) -> Iterator[Span]:
    """Split a line at its escape sequences."""
    color, bold, end = "", False, 0
    for found in _STYLE.finditer(text):
        if found.start() > end:
            yield Span(text[end : found.start()], color, bold)
        for code in (int(each or 0) for each in found[1].split(";")):
            if code == 0:
                color, bold = "", False
            elif code == 1:
                bold = True
            else:
                color = _COLORS.get(code, color)
        end = found.end()
    if end < len(text):
        yield Span(text[end:], color, bold)


def _rows(spans: Iterable[Span]) -> Iterator[tuple[Span, ...]]:
    """Break a line where the terminal's width ends."""
    row: list[Span] = []
    room = COLUMNS
    for span in spans:
        text = span.text
        while len(text) > room:
            yield (*row, replace(span, text=text[:room]))
            row, text, room = [], text[room:], COLUMNS
        row.append(replace(span, text=text))
        room -= len(text)
    yield tuple(row)


_TITLE: Final = (
    "A session: check finds a misspelled key, serve routes five events, explain says why one does not match."
)
_STYLES: Final = """\
text { font: 14px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre }
text { fill: #e6edf3 }
.b { font-weight: bold }
.t { fill: #0d1117; transform: scaleX(0); transform-box: fill-box; transform-origin: right }
@media (prefers-reduced-motion: no-preference) {
.l { animation: appear 1ms both }
.t { animation: type both }
}
@keyframes appear { from { visibility: hidden } to { visibility: visible } }
@keyframes type { from { transform: scaleX(1) } to { transform: scaleX(0) } }
"""


def svg_of(lines: Sequence[Line]) -> str:
    """Return the animated picture of a recording."""
    width = round(2 * _MARGIN + _CHARACTER * COLUMNS)
    height = 2 * _MARGIN + _LINE * len(lines)
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<title>{_TITLE}</title>",
        f"<style>\n{_STYLES}</style>",
        '<rect width="100%" height="100%" rx="8" fill="#0d1117"/>',
        *(_line(line, _MARGIN + _LINE * number) for number, line in enumerate(lines, 1)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _line(line: Line, y: int) -> str:
    """Return a line's text and, if it is typed, the cover that gives way to it."""
    if not line.text:
        return f'<text class="l" x="{_MARGIN}" y="{y}"></text>'
    spans = "".join(map(_span, line.spans))
    place = f'x="{_MARGIN}" y="{y}" textLength="{_CHARACTER * len(line.text):g}"'
    text = f'<text class="l" {place} style="animation-delay:{line.at:.2f}s">{spans}</text>'
    return text + _cover(line, y) if line.typed else text


def _cover(line: Line, y: int) -> str:
    steps = len(line.spans[-1].text)
    x = _MARGIN + _CHARACTER * len(line.spans[0].text)
    animation = (
        f"animation-duration:{line.typed:.2f}s;animation-delay:{line.at:.2f}s;"
        f"animation-timing-function:steps({steps})"
    )
    place = f'x="{x:g}" y="{y - 14}" width="{_CHARACTER * steps:g}" height="{_LINE}"'
    return f'<rect class="t" {place} style="{animation}"/>'


def _span(span: Span) -> str:
    color = f' style="fill:{span.color}"' if span.color else ""
    bold = ' class="b"' if span.bold else ""
    return f"<tspan{bold}{color}>{escape(span.text, quote=False)}</tspan>"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
