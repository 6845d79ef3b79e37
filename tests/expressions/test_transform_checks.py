"""A transform that can never give an object is found, and no other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.errors import Reject
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.transform_checks import check_transform
from streamroute.expressions.transforms import compile_transform

NEVER = [
    "[a, b]", "a[*]", "a[?b]", "a[]", "a[1:]", "*", "a == b", "!a", "'text'", "`[1]`", "`3`", "length(a)",
    "a | [b]", "keys(@)", "a.[b]", "a[*].b", "to_string(@)",
]  # fmt: skip
MAYBE = [
    "@", "a", "a.b", "{a: a}", "a[0]", "a || b", "a && b", "`{}`", "merge(a, b)", "not_null(a, b)",
    "max_by(a, &b)", "min_by(a, &b)", "a | {b: b}", "[a][0]", "a[*] | [0]",
]  # fmt: skip


@pytest.mark.parametrize("expression", NEVER)
def test_transforms_that_never_return_an_object_are_reported(expression: str) -> None:
    problem = check_transform(parse(expression))
    assert problem is not None
    assert problem.code == "SR308"


@pytest.mark.parametrize("expression", MAYBE)
def test_transforms_that_may_return_an_object_are_accepted(expression: str) -> None:
    assert check_transform(parse(expression)) is None


_JSON = st.recursive(
    st.none() | st.integers(0, 3) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)


@given(payload=st.dictionaries(st.sampled_from("ab"), _JSON), expression=st.sampled_from(NEVER))
def test_reported_transforms_fail_on_every_message(payload: dict[str, Any], expression: str) -> None:
    with pytest.raises(Reject):
        compile_transform(expression)(payload)
