"""The findings of a reload that was refused, as texts for the log and for the command that asked for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from streamroute.cli.output.findings import summary, truncate_findings
from streamroute.cli.output.formats.full import render_full
from streamroute.config.findings.finding import errors_of

if TYPE_CHECKING:
    from streamroute.config.findings.finding import Finding
    from streamroute.config.findings.text_file import TextFile
    from streamroute.ops.reload.loaded import FindingsText

_MAX_LINES: Final = 20  # errors in the log


def findings_text(findings: Sequence[Finding], sources: Mapping[str, TextFile]) -> FindingsText:
    """Return the findings as texts; the log gets the errors alone."""
    from streamroute.ops.reload.loaded import FindingsText

    errors = [str(finding) for finding in errors_of(findings)]
    left_out = len(errors) - _MAX_LINES
    lines = [*errors[:_MAX_LINES], *[f"and {left_out:,} more errors"] * (left_out > 0)]
    return FindingsText(summary(findings), tuple(lines), render_full(truncate_findings(findings), sources))
