"""The tree is that of jmespath's own parser; what is wrong is said in plain words, at its place."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError
from jmespath.parser import Parser

from expression_cases import expressions, scraps
from streamroute.expressions.lint import check_expression
from streamroute.expressions.problem import ExpressionError, Problem
from streamroute.expressions.syntax.parser import MAX_DEPTH, MAX_LENGTH, chain, parse, walk


def bare(node: Any) -> Any:
    """A node without its place."""
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key not in ("start", "end")}
    return {**kept, "children": [bare(child) for child in node["children"]]}


def library_tree(expression: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Parser().parse(expression).parsed
        except JMESPathError:
            return None


@given(expressions | scraps)
def test_the_tree_is_the_library_s(expression: str) -> None:
    expected = library_tree(expression)
    try:
        found = bare(parse(expression).root)
    except ExpressionError:
        assert expected is None
    else:
        assert found == expected


@given(expressions)
def test_a_place_lies_within_its_parent_s(expression: str) -> None:
    try:
        root = parse(expression).root
    except ExpressionError:
        reject()
    for node, start, end in walk(root, 0, len(expression)):
        assert end is not None
        assert 0 <= start < end <= len(expression)
        if node["type"] == "field":
            assert node["value"] in expression[start:end]


@pytest.mark.parametrize(
    "expression", ["(a.b)", "( a.b )", "((a.b)) && c", "x || (a.b)", "f((a.b), c)", "!(a.b)"]
)
def test_a_node_in_parentheses_lies_within_them(expression: str) -> None:
    places = [
        expression[start:end]
        for node, start, end in walk(parse(expression).root, 0, len(expression))
        if node["type"] == "subexpression"
    ]
    assert places == ["a.b"]


def problem_of(expression: str) -> Problem:
    with pytest.raises(ExpressionError):
        parse(expression)
    [problem] = check_expression(expression)
    return problem


@pytest.mark.parametrize(
    ("expression", "caret", "words"),
    [
        ("", "", "the expression is empty"),
        ("  ", "  ", "the expression is empty"),
        ("a = 'x'", "=", "JMESPath has no = operator"),
        ("a === 'x'", "===", "JMESPath has no === operator"),
        ("a and b", "and", 'JMESPath writes && for "and"'),
        ("a OR b", "OR", 'JMESPath writes || for "OR"'),
        ("not a", "a", 'JMESPath writes ! for "not"'),
        ("a & b", "&", "JMESPath has no & operator"),
        ("a in b", "in", 'JMESPath has no "in" operator'),
        ("a is null", "is", 'JMESPath has no "is" operator'),
        ("a like 'x'", "like", 'JMESPath has no "like" operator'),
        ("a <> b", ">", "JMESPath has no <> operator"),
        ("nights >= 3", "3", "a number must be in backticks: `3`"),
        ("x == -1", "-1", "a number must be in backticks: `-1`"),
        ("items.0", "0", "an index is in brackets, without a dot: [0]"),
        ("a + b", "+", "JMESPath has no + operator and no arithmetic"),
        ("a - b", "-", "JMESPath has no - operator and no arithmetic"),
        ("guest-tier == 'x'", "guest-tier", 'a name with a dash must be in double quotes: "guest-tier"'),
        ("$.a", "$", 'a path starts at the payload; remove "$."'),
        ("a == 'x", "'x", "this ' is never closed"),
        ("a == `x", "`x", "this ` is never closed"),
        ('"a\\q" == b', '"a\\q"', "invalid escape sequence in a name in double quotes"),
        ('a == `"\\q"`', '`"\\q"`', "the text between the backticks is not JSON"),
        ("(a || b", "(", "this ( is never closed; add a )"),
        ("a[?b", "[?", "this [? is never closed; add a ]"),
        ("f(g(x)", "(", "this ( is never closed; add a )"),
        ("a[?]", "]", "the filter [? ] is empty"),
        ("a ==", "==", "unexpected end of the expression after =="),
        ("a && ", "&&", "unexpected end of the expression after &&"),
        ("a['b']", "'b'", "a field is selected with a dot, not with brackets"),
        ("a..b", ".", "unexpected . after ."),
        (") a", ")", "an expression cannot start with )"),
        ('"f"(x)', "(", "write the function name without quotes"),
        ("a[0:1:2:3]", ":", "unexpected : after 2"),
    ],
)
def test_a_syntax_error_is_reported_in_plain_words_at_its_position(
    expression: str, caret: str, words: str
) -> None:
    problem = problem_of(expression)
    assert problem.code == "SR301"
    assert problem.message == words
    assert expression[problem.start : problem.end] == caret


@pytest.mark.parametrize(
    "expression",
    [
        *("!" * 5000 + "a", "(" * 5000, "[" * 5000, "{a:" * 5000, "& " * 5000 + "a", "a ==" * 500 + "a"),
        *("a" + "[]" * 100, "a" + "[0].*" * 100, "a" + "[*]" * 5000),
    ],
)
def test_a_hostile_expression_is_refused_before_it_can_exhaust_the_stack(expression: str) -> None:
    problem = problem_of(expression)
    assert problem.code == "SR305"
    assert "nested deeper" in problem.message


@pytest.mark.parametrize("levels", [201, 900, 8_000])
def test_a_literal_that_is_nested_too_deeply_is_refused(levels: int) -> None:
    """Whatever depth the JSON parser of this Python reads."""
    literal = f"`{'[' * levels}{']' * levels}`"
    problem = problem_of(f"a == {literal}")
    assert problem.code == "SR301"
    assert problem.message == "the JSON between the backticks is nested deeper than 200 levels"
    assert (problem.start, problem.end) == (5, 5 + len(literal))


def test_an_expression_of_absurd_length_is_refused_unread() -> None:
    assert "characters" in problem_of("a" * (MAX_LENGTH + 1)).message


@pytest.mark.parametrize("operator", ["&&", "||", "|"])
def test_a_long_chain_of_one_operator_is_no_depth(operator: str) -> None:
    root = parse(f" {operator} ".join(f"a{n}" for n in range(500))).root
    assert [node["value"] for node in chain(root)] == [f"a{n}" for n in range(500)]


def test_a_field_path_may_be_long() -> None:
    assert parse(".".join(["a"] * 10 * MAX_DEPTH)).root["type"] == "subexpression"


_HABITS = (
    "a", "guest.tier", " in ", " is ", " not ", " between ", " and ", " contains ", "if ", "eq ",
    "1", "3.5", "-1", "2024-01-01", "'x'", "'it''s'", '"q"', "`1`", "[", "]", "[?", "(", ")", "{{", "}}",
    "${{", "$.", "?.", "??", "?", ":", "*", "=", "===", "=~", "!~", "<>", "&", "#", "\n", "é", "“", "\u00a0",
)  # fmt: skip


@given(st.lists(st.sampled_from(_HABITS), min_size=1, max_size=9).map("".join) | scraps)
def test_any_text_gets_a_one_line_error_within_the_text(expression: str) -> None:
    for problem in check_expression(expression):
        assert problem.message
        assert "\n" not in f"{problem.text}{problem.help}"
        assert (
            0 <= problem.start <= (len(expression) if problem.end is None else problem.end) <= len(expression)
        )
