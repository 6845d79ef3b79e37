"""The parts of an evaluated expression as rows of text."""

from __future__ import annotations

from streamroute.expressions.explain.step_text import step_rows, value_of
from streamroute.expressions.explain.trace import trace


def rows(expression: str, payload: dict[str, object]) -> list[tuple[int, str, str]]:
    return [(depth, text, value_of(step)) for depth, text, step in step_rows(trace(expression, payload).root)]


def test_each_part_has_its_depth_and_value() -> None:
    assert rows("a == `1` && b", {"a": 2, "b": True}) == [
        (0, "a == `1` && b", "false"),
        (1, "a == `1`", "false"),
        (2, "a", "2"),
        (1, "b", "(not reached)"),
    ]


def test_a_missing_part_says_where_its_path_ended() -> None:
    assert rows("a.b.c", {"a": {}})[0] == (0, "a.b.c", "null  (a.b is null or missing)")


def test_a_failed_part_says_why() -> None:
    assert rows("length(a)", {"a": 1})[0][2].startswith("failed: ")
