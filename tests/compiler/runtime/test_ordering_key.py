"""The key that ``order_by`` gives a message."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.compiler.runtime.ordering_key import order_key
from streamroute.expressions.problem import ExpressionError
from streamroute.expressions.values import compile_value

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from(["", "a", "1", "null"])),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("ab"), inner)),
    max_leaves=4,
)
same = compile_value("a == b")


@given(VALUES, VALUES)
def test_keys_are_equal_if_jmespath_compares_the_values_as_equal(one: Any, other: Any) -> None:
    """True is not 1, and "1" is not 1; null is no key at all."""
    key_of = order_key("k")
    keys = key_of({"k": one}), key_of({"k": other})
    if one is None or other is None:
        assert None in keys
    elif type(one) not in (list, dict) and type(other) not in (list, dict):
        assert (keys[0] == keys[1]) is same({"a": one, "b": other})
    elif keys[0] == keys[1]:
        assert one == other


@given(VALUES)
def test_equal_values_have_one_key(value: Any) -> None:
    """However an object's names are ordered."""
    turned = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert hash(order_key("k")({"k": value})) == hash(order_key("k")({"k": turned}))


def test_a_message_on_which_the_expression_fails_has_no_key(caplog: pytest.LogCaptureFixture) -> None:
    """It starts beside the others, and it is said once."""
    caplog.set_level(logging.WARNING)
    key_of = order_key("abs(n)")
    assert [key_of({"n": "secret"}), key_of({"n": "secret"}), key_of({"n": -1})] == [None, None, 1]
    assert len(caplog.records) == 1
    assert "order_by abs(n) failed" in caplog.text
    assert "secret" not in caplog.text


def test_an_expression_that_cannot_be_evaluated_is_refused() -> None:
    """``check`` finds it first."""
    with pytest.raises(ExpressionError):
        order_key("lenght(n)")
