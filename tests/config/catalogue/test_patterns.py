"""Patterns of JSON Schema, as ECMA-262 has them, in Python's ``re``."""

from __future__ import annotations

import re

import pytest

from streamroute.config.catalogue.patterns import python_pattern


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("^a$", ["a"], ["a\n", "ab"]),
        (r"^\d+$", ["12"], ["\u0661"]),
        (r"^\w+$", ["a_1"], ["\u00e9"]),
        (r"^\s$", ["\u00a0", " ", "\ufeff"], ["a"]),
        (r"^[\s-]$", ["\u3000", "-"], ["a"]),
        (r"^\S$", ["a"], ["\u00a0"]),
        ("^.$", ["\x85"], ["\n", "\r", "\u2028"]),
        ("^[.$]$", [".", "$"], ["a"]),
        (r"^(?<y>\d)-\k<y>$", ["1-1"], ["1-2"]),
        ("(?<=a)b(?<!c)", ["ab"], ["cb"]),
        ("^[[a]$", ["[", "a"], ["b"]),
        ("^[&&||~~]$", ["&", "|", "~"], ["a"]),
        (r"^\/\-\.$", ["/-."], ["//."]),
        ("b", ["abc"], ["ac"]),
        ("a|b$", ["ac", "cb"], ["bc"]),
    ],
)
def test_a_pattern_matches_what_it_would_in_ecmascript(
    pattern: str, matching: list[str], other: list[str]
) -> None:
    search = re.compile(python_pattern(pattern)).search
    assert [text for text in matching if not search(text)] == []
    assert [text for text in other if search(text)] == []


@pytest.mark.parametrize("pattern", ["[a", "(", r"\p{L}", "*", r"(?<n>a)(?<n>b)"])
def test_what_python_cannot_match_is_refused(pattern: str) -> None:
    with pytest.raises(re.error):
        python_pattern(pattern)
