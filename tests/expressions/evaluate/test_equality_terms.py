"""The comparisons that lead a filter, read from its expression."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.core.dispatch.route_table import RouteTable
from streamroute.core.dispatch.routes import Route
from streamroute.expressions.filters import compile_filter, no_match


@pytest.mark.parametrize(
    ("expression", "equalities"),
    [
        ("tenant == 't1'", ((("tenant",), "t1"),)),
        ("a.b.c == `1` && 'x' == d && length(e) > `2`", ((("a", "b", "c"), 1), (("d",), "x"))),
        ("(a == 'x' && b == 'y') && c == 'z'", ((("a",), "x"), (("b",), "y"), (("c",), "z"))),
        ("length(e) > `2` && a == 'x'", ()),
        ("n > `2` && !(b || c) && a == 'x' && length(e) > `2` && d == 'y'", ((("a",), "x"),)),
        ("a == `true` && b == 'y'", ((("b",), "y"),)),
        ("items[?n > `1`] && a == 'x'", ()),
        ("a == 'x' || b == 'y'", ()),
        ("a != 'x'", ()),
        ("a[0] == 'x'", ()),
        ("a == b", ()),
        ("!(a == 'x')", ()),
    ],
)
def test_comparisons_of_a_field_with_a_constant_count_up_to_what_may_fail(
    expression: str, equalities: tuple[Any, ...]
) -> None:
    """Behind what may fail they would hide an error that must be seen."""
    assert compile_filter(expression).equalities == equalities


def test_a_filter_that_does_not_fail_leads_alike() -> None:
    """``on_filter_error: no_match`` costs no index."""
    lenient = no_match(compile_filter("a == 'x' && length(b) > `1`"), print)
    assert vars(lenient)["equalities"] == ((("a",), "x"),)


FIELD = st.sampled_from(["a", "b", "a.b"])
LITERAL = st.sampled_from(["'x'", "'y'", "`0`", "`1`", "`1.0`", "`true`", "`null`"])
TERM = st.one_of(
    st.builds("{} == {}".format, FIELD, LITERAL),
    st.builds("{1} == {0}".format, FIELD, LITERAL),
    st.builds("length({}) > `1`".format, FIELD),
    st.builds("{} > `0`".format, FIELD),
    st.builds("!{}".format, FIELD),
    st.builds("{}".format, FIELD),
)
EXPRESSION = st.lists(TERM, min_size=1, max_size=3).map(" && ".join)
VALUE: st.SearchStrategy[Any] = st.sampled_from(["x", "y", 0, 1, 1.0, True, False, None, [1, 2], {}])
NESTED = VALUE | st.fixed_dictionaries({"b": VALUE})
PAYLOAD = st.fixed_dictionaries({}, optional={"a": NESTED, "b": VALUE})


@given(st.lists(EXPRESSION, min_size=9, max_size=30), PAYLOAD)
def test_an_index_changes_no_verdict_and_hides_no_error(
    expressions: list[str], payload: dict[str, Any]
) -> None:
    """For all filters and payloads: what matches, and what fails, is among the candidates."""

    async def handler(payload: dict[str, Any], container: Any) -> None: ...

    table = RouteTable([Route(str(n), handler, compile_filter(text)) for n, text in enumerate(expressions)])
    candidates = set(table.routes if table.is_plain else table.candidates(payload))
    for route in table.routes:
        if route not in candidates:
            assert route.accepts is not None
            assert route.accepts(payload) is False
