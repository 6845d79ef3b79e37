"""Convert problems of expressions and dotted paths into findings."""

from __future__ import annotations

from streamroute.config.findings.finding import Finding
from streamroute.config.schema.replaced_values import finding_about
from streamroute.config.yaml.source import DataPath, SourceLocation
from streamroute.expressions.problem import Problem


def problem_finding(
    location: SourceLocation, at: DataPath, problem: Problem, text: str | None = None
) -> Finding:
    """A finding for a problem in ``text``, the string at a location; without ``text``, of the key there."""
    if text is None:
        return location.finding(
            problem.code, problem.message, at=at, on="key", help=problem.help, suggestion=problem.suggestion
        )
    within = (problem.start, len(text) if problem.end is None else problem.end)
    return finding_about(
        location, at, problem.code, problem.message, text, within=within, help=problem.help,
        suggestion=problem.suggestion,
    )  # fmt: skip
