"""Findings about values from variables show the text in the file, never the value."""

from __future__ import annotations

import re
from typing import Any

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.quoting import quote_value
from streamroute.config.findings.rules import RULES
from streamroute.config.yaml.source import DataPath, SourceLocation


def has_variable(raw_text: Any) -> bool:
    """Whether a value in a file contains a variable."""
    return isinstance(raw_text, str) and "${" in raw_text


def match_variable(raw_text: str) -> re.Match[str] | None:
    """Match a text that is exactly one variable; the groups are its name, and its default or None."""
    return re.fullmatch(r"\$\{(\w+)(?::-([^}$]*))?\}", raw_text)


def is_default(raw_text: str, value: str) -> bool:
    """Whether ``value`` is the default that the file gives for the variable in ``raw_text``."""
    variable = match_variable(raw_text)
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
    """Return a finding about a part of the string ``text`` at a location.

    If the string comes from a variable, the finding quotes none of it and covers the whole variable.
    """
    raw_text = location.source.value((*location.path, *at))
    if not has_variable(raw_text) or raw_text == text:
        return location.finding(code, message, at=at, within=within, help=help, suggestion=suggestion)
    message = f'the value of {quote_value(raw_text)} violates the rule "{RULES[code].name}"'
    return location.finding(code, message, at=at, help=f"see: streamroute rule {code}")
