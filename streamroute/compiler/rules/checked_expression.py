"""A checked expression of a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from streamroute.compiler.rules.problem_finding import problem_finding
from streamroute.config.findings.finding import Finding
from streamroute.config.yaml.source import DataPath, SourceLocation
from streamroute.expressions.lint import check_expression
from streamroute.expressions.problem import Problem

_MISREAD: Final = "SR303"
_CUT_SHORT: Final = 'YAML reads " #" as the start of a comment, which cuts the expression short'


class CheckedExpression(NamedTuple):
    """An expression, its place, and its problems."""

    location: SourceLocation
    at: DataPath
    text: str
    problems: Sequence[Problem]

    @property
    def has_errors(self) -> bool:
        """Whether it cannot be evaluated."""
        return any(problem.fatal for problem in self.problems)

    def findings(self) -> Iterator[Finding]:
        """Yield the problems as findings."""
        for problem in self.problems:
            if problem.fatal and self._is_cut_short():
                help_text = "quote the whole expression, or write it as a block under >-"
                yield self.location.finding(_MISREAD, _CUT_SHORT, at=self.at, help=help_text)
            else:
                yield problem_finding(self.location, self.at, problem, self.text)

    def _is_cut_short(self) -> bool:
        """Whether the text is an expression only together with the part that YAML parsed as a comment."""
        comment = self.location.comment_after(self.at)
        return comment is not None and not check_expression(f"{self.text} {comment}")
