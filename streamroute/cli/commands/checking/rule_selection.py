"""``--select`` and ``--ignore``: selects the rules of a run by codes or prefixes of codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import click

from streamroute.compiler.rules.registry import ALL_RULES
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Stage
from streamroute.text.suggestions import did_you_mean


class Selection(NamedTuple):
    """Prefixes of selected codes (empty: all) and of ignored codes; the longer prefix takes precedence."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def of(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the selected findings.

        Always includes errors of unreadable files: a check that has read nothing must not pass.
        """
        return [found for found in findings if self._takes(found)]

    def _takes(self, found: Finding) -> bool:
        if found.severity is Severity.ERROR and ALL_RULES[found.code].stage is Stage.FILE:
            return True
        return _longest(found.code, self.select or ("",)) > _longest(found.code, self.ignore)


def _longest(code: str, beginnings: Sequence[str]) -> int:
    return max((len(one) for one in beginnings if code.startswith(one)), default=-1)


def read_codes(values: Iterable[str]) -> tuple[str, ...]:
    """Parse comma-separated codes or prefixes; raises click.UsageError for one that matches no rule."""
    words = (word.strip().upper() for value in values for word in value.split(","))
    codes = tuple(word for word in words if word)
    for code in codes:
        if not any(known.startswith(code) for known in ALL_RULES):
            meant = did_you_mean(code, ALL_RULES)
            hint = f'; did you mean "{meant}"?' if meant else ""
            raise click.UsageError(f'no rule\'s code begins with "{code}"{hint}')
    return codes
