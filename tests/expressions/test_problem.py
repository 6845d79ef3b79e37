"""Where problems lie, and which of them are about the same part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.expressions.problem import Problem, Spans
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.types.check import check_types

spans = st.tuples(st.integers(0, 20), st.integers(1, 6)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def problem(start: int, end: int | None) -> Problem:
    return Problem("SR301", "", start, end)


@given(st.lists(spans, max_size=6), spans)
def test_places_overlap_if_one_of_them_overlaps(known: list[tuple[int, int]], other: tuple[int, int]) -> None:
    places = Spans(problem(*span) for span in known)
    assert places.overlap(problem(*other)) == any(a < other[1] and other[0] < b for a, b in known)


@pytest.mark.parametrize(("start", "expected"), [(3, True), (6, True), (0, False)])
def test_a_problem_without_an_end_extends_to_the_end_of_the_string(start: int, expected: bool) -> None:
    assert Spans([problem(3, None)]).overlap(problem(start, start + 1)) is expected


def test_corrections_are_searched_a_bounded_number_of_times() -> None:
    operands = " && ".join(f"'a{number}'" for number in range(200))
    problems = check_types(parse(f"tier == 'x' && {operands}"))
    assert len(problems) == 200
    assert 0 < sum(each.help is not None for each in problems) < 60
