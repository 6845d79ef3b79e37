"""What may be said of a value that a variable gave: what is written in the file, never the value."""

from __future__ import annotations

import re
from typing import Any

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.quoting import quote_value
from streamroute.config.findings.rules import RULES
from streamroute.config.yaml.source import DataPath, SourceLocation


def has_variable(written: Any) -> bool:
    """Whether what a file holds is not the value itself, where variables are replaced."""
    return isinstance(written, str) and "${" in written


def match_variable(written: str) -> re.Match[str] | None:
    """What is a single variable and nothing else: its name, and its default or None."""
    return re.fullmatch(r"\$\{(\w+)(?::-([^}$]*))?\}", written)


def is_default(written: str, value: str) -> bool:
    """Whether a value stands in the file as the default of the variable that could have given it."""
    variable = match_variable(written)
    return variable is not None and variable[2] == value


def finding_about(
    location: SourceLocation,
    at: DataPath,
    code: str,
    message: str,
    text: str,
    *,
    within: tuple[int, int],
    help: str | None = None,  # noqa: A002 - the field of a finding
    suggestion: str | None = None,
) -> Finding:
    """A finding about a part of the string ``text`` at a place.

    Where a variable gave that string, nothing of it is quoted: the finding is about the variable as a whole.
    """
    written = location.source.value((*location.path, *at))
    if not has_variable(written) or written == text:
        return location.finding(code, message, at=at, within=within, help=help, suggestion=suggestion)
    summary = RULES[code].summary
    reason = summary[:1].lower() + summary[1:].rstrip(".")
    return location.finding(code, f"the value of {quote_value(written)} cannot be used here: {reason}", at=at)
