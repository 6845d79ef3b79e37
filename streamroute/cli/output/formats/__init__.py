"""The formats of findings: each module renders a report as text, and prints nothing."""

from __future__ import annotations

from typing import Final

FORMATS: Final = {
    "full": "for people: the source line, a caret, help",
    "concise": "one line a finding",
    "json": "an array of objects",
    "github": "workflow commands, which GitHub shows in the diff",
    "gitlab": "a Code Quality report",
    "sarif": "SARIF 2.1.0",
    "junit": "JUnit XML",
}
"""Format name -> description."""
