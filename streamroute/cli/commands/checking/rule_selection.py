"""``--select`` and ``--ignore``: selects the rules of a run by codes or prefixes of codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from streamroute.cli.arguments.paths import usage_error
from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Stage
from streamroute.text.suggestions import suggestion_hint


class Selection(NamedTuple):
    """Prefixes of selected codes (empty: all) and of ignored codes; the longer prefix takes precedence."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def of(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the selected findings.

        Always includes errors of unreadable files: a check that has read nothing must not pass.
        """
        return [finding for finding in findings if self._takes(finding)]

    def _takes(self, finding: Finding) -> bool:
        if finding.severity is Severity.ERROR and ALL_RULES[finding.code].stage is Stage.FILE:
            return True
        return _longest(finding.code, self.select or ("",)) > _longest(finding.code, self.ignore)


def _longest(code: str, prefixes: Sequence[str]) -> int:
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=-1)


def read_codes(values: Iterable[str]) -> tuple[str, ...]:
    """Parse comma-separated codes or prefixes; raises click.UsageError for one that matches no rule."""
    parts = (part.strip().upper() for value in values for part in value.split(","))
    codes = tuple(part for part in parts if part)
    for code in codes:
        if not any(known.startswith(code) for known in ALL_RULES):
            raise usage_error(f'unknown rule "{code}"{suggestion_hint(code, ALL_RULES)}')
    return codes
