"""Renders a report in the selected format."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from streamroute.cli.output.findings import FindingsReport
from streamroute.cli.output.streams import echo, write_document

_FOR_PEOPLE: Final = frozenset({"full", "concise"})


def write_rendered(text: str, output_format: str) -> bool:
    """Write the result of ``render``; returns False if the reader has closed stdout."""
    return echo(text, nl=False) if output_format in _FOR_PEOPLE else write_document(text)


def render(
    report: FindingsReport, output_format: str, *, color: bool = False, columns: int | None = None
) -> str:
    """Render the report as text; imports the format's module when needed.

    Only the format ``full`` uses ``color`` and ``columns``, the width of the terminal.
    """
    if output_format == "full" and not report.findings:
        return ""
    if output_format == "full":
        from streamroute.cli.output.formats.full import render_full

        return render_full(report.findings, report.sources, color=color, columns=columns)
    text: str = import_module(f"streamroute.cli.output.formats.as_{output_format}").render(report)
    return text
