"""The tokens are those of jmespath's own lexer, with true positions."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import example, given
from jmespath.exceptions import JMESPathError
from jmespath.lexer import Lexer

from expression_cases import expressions, scraps
from streamroute.expressions.problem import ExpressionError
from streamroute.expressions.syntax.lexer import is_same_text, tokenize


def library_tokens(expression: str) -> list[tuple[str, Any]] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return [(token["type"], token["value"]) for token in Lexer().tokenize(expression)]
        except JMESPathError:
            return None


@given(expressions | scraps)
@example("`a string without quotes`")
@example("'it\\'s'")
@example('"\\u00e9"')
@example("'ends with \\")
@example("-")
@example("a-1")
@example("a ")
@example("\u00a0a")
@example("é")
def test_types_and_values_are_the_library_s(expression: str) -> None:
    expected = library_tokens(expression) if expression else [("eof", "")]
    try:
        found = [(token["type"], token["value"]) for token in tokenize(expression)]
    except ExpressionError:
        assert expected is None
    else:
        assert found == expected


@given(expressions)
def test_each_token_has_its_position(expression: str) -> None:
    for token in tokenize(expression)[:-1]:
        text = expression[token["start"] : token["end"]]
        assert text == text.strip(), "no token holds the space around it"
        assert [one["value"] for one in tokenize(text)][:-1] == [token["value"]]


def test_a_number_beyond_python_s_limit_is_a_problem() -> None:
    with pytest.raises(ExpressionError, match="too many digits"):
        tokenize("a[" + "9" * 5000 + "]")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("a == 'x' && b", "a=='x'\n  && b", True),
        (None, None, True),
        (None, "a", False),
        ("a == 'x y'", "a == 'xy'", False),
        ("a == `1`", "a == `true`", False),
        ("a ==", "a ==", True),
        ("a é", "a  é", False),
    ],
)
def test_only_white_space_between_tokens_makes_no_difference(
    first: str | None, second: str | None, same: bool
) -> None:
    assert is_same_text(first, second) is is_same_text(second, first) is same
