"""A report in the format that was asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from streamroute.cli.output.findings import Report
from streamroute.cli.output.streams import say, write_document

_FOR_PEOPLE: Final = frozenset({"full", "concise"})


def write_rendered(text: str, form: str) -> bool:
    """Write what ``render`` gave; returns whether anybody reads it."""
    return say(text, nl=False) if form in _FOR_PEOPLE else write_document(text)


def render(report: Report, form: str, *, color: bool = False, columns: int | None = None) -> str:
    """The report as text; modules are imported when used.

    ``color`` and ``columns``, the width of the terminal, are for the format ``full`` alone.
    """
    if form == "full" and not report.findings:
        return ""
    if form == "full":
        from streamroute.cli.output.formats.full import render_full

        return render_full(report.findings, report.sources, color=color, columns=columns)
    text: str = import_module(f"streamroute.cli.output.formats.as_{form}").render(report)
    return text
