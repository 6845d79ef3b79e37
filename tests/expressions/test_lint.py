"""What can be known of an expression before any message is found statically, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest

from jmespath_suite import compliance_cases, needs_compliance
from streamroute.config.findings.finding import Severity
from streamroute.config.findings.rules import RULES
from streamroute.expressions.evaluate.interpreter import SIGNATURES
from streamroute.expressions.lint import check_expression


@pytest.mark.parametrize(
    ("expression", "caret", "text"),
    [
        ("lenght(a) > `1`", "lenght", 'unknown function "lenght"; did you mean "length"?'),
        ("a && len(b) > `1`", "len", 'unknown function "len"; did you mean "length"?'),
        ("a[?startswith(@, b)]", "startswith", 'unknown function "startswith"; did you mean "starts_with"?'),
        ("qqq(a)", "qqq", 'unknown function "qqq"'),
        ("(contians(a, 'x')) && b", "contians", 'unknown function "contians"; did you mean "contains"?'),
        ("b && ( ( qqq(a) ) )", "qqq", 'unknown function "qqq"'),
        ("a.b.qqq(@)", "qqq", 'unknown function "qqq"'),
    ],
)
def test_an_unknown_function_is_reported_with_a_suggestion(expression: str, caret: str, text: str) -> None:
    [problem] = check_expression(expression)
    assert (problem.code, problem.text) == ("SR302", text)
    assert expression[problem.start : problem.end] == caret


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("length()", "length() takes 1 argument, not 0"),
        ("contains(a)", "contains() takes 2 arguments, not 1"),
        ("abs(a, b)", "abs() takes 1 argument, not 2"),
        ("not_null()", "not_null() takes at least 1 argument, not 0"),
    ],
)
def test_a_wrong_number_of_arguments_is_counted(expression: str, text: str) -> None:
    [problem] = check_expression(f"a && {expression}")
    assert (problem.code, problem.text, problem.start) == ("SR304", text, 5)


@pytest.mark.parametrize(
    ("expression", "advice"),
    [
        ("exists((a.b))", "write a.b != `null`"),
        ("(exists(a.b))", "write (a.b != `null`)"),
        ("x[?y] && ((exists(a.b)))", "write x[?y] && (a.b != `null`)"),
        ("x.* && ((exists(a.b)))", "write a.b != `null`; a missing field is null"),
        ("name.startsWith('x') && y", "write starts_with(name, 'x') && y"),
        ("!name.includes('x')", "write !contains(name, 'x')"),
        ("not(a.b)", "write !(a.b)"),
    ],
)
def test_the_help_for_a_call_does_not_depend_on_its_context(expression: str, advice: str) -> None:
    problems = {problem.code: problem for problem in check_expression(expression)}
    assert problems["SR302"].help == advice


def test_a_slice_that_takes_no_step_always_fails() -> None:
    assert [problem.code for problem in check_expression("a[::0]")] == ["SR306"]


@pytest.mark.parametrize("expression", ["!a.to_string(@)", "!a.[b]", "!a.b.type(@)"])
def test_a_negation_is_not_called_null_where_a_function_or_a_list_follows(expression: str) -> None:
    [problem] = check_expression(expression)
    assert problem.code == "SR307"
    assert "null" not in problem.message


def test_every_problem_of_an_expression_is_found() -> None:
    problems = check_expression("foo(bar(a), length())")
    assert [problem.code for problem in problems] == ["SR302", "SR302", "SR304"]


@pytest.mark.parametrize(
    ("expression", "caret", "advice"),
    [
        ("!guest.vip", "!guest.vip", "write !(guest.vip)"),
        ("a && !tags[?b]", "!tags[?b]", "write !(tags[?b])"),
        ("! guest.vip || b", "! guest.vip", "write !(guest.vip)"),
        ("(!guest.vip)", "!guest.vip", "write !(guest.vip)"),
        ("!tags[] && b", "!tags[]", "write !(tags[])"),
        ("!a.to_string(@)", "!a.to_string(@)", "write !(a.to_string(@))"),
        ("a && ((!guest.vip) || b)", "!guest.vip", "write !(guest.vip)"),
        ("a && !guest.name == 'x' && b", "!guest.name", "write !(guest.name == 'x')"),
        ("!guest.age > `3`", "!guest.age", "write !(guest.age > `3`)"),
    ],
)
def test_a_misleading_negation_is_reported(expression: str, caret: str, advice: str) -> None:
    [problem] = check_expression(expression)
    assert (problem.code, problem.help) == ("SR307", advice)
    assert expression[problem.start : problem.end] == caret


@pytest.mark.parametrize(
    "expression", ["!(guest.vip)", "!vip", "!tags[0]", "(!a).b", "!length(a)", "!contains(a.b, 'x')"]
)
def test_a_clear_negation_is_not_reported(expression: str) -> None:
    assert check_expression(expression) == []


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_every_function_of_the_library_is_known(name: str) -> None:
    arguments = ", ".join("a" for _ in SIGNATURES[name])
    assert check_expression(f"{name}({arguments})") == []


@needs_compliance
@pytest.mark.parametrize(("expression", "document", "case"), compliance_cases())
def test_the_suite_s_static_errors_are_found_and_no_valid_expression_is_refused(
    expression: str, document: Any, case: dict[str, Any]
) -> None:
    codes = {problem.code for problem in check_expression(expression)} - {"SR307"}
    static = {
        "syntax": {"SR301"},
        "unknown-function": {"SR302"},
        "invalid-arity": {"SR304"},
        "invalid-value": {"SR306"},
    }
    assert codes == static.get(case.get("error", ""), set())


@pytest.mark.parametrize(
    "expression",
    [
        "a ==",
        "a = b",
        '"\\q"',
        "x" * 20_000,
        "lenght(a)",
        "length()",
        "a[::0]",
        "!a.b",
        " | ".join(["[@, @][]"] * 40),
    ],
)
def test_fatal_problems_are_errors_and_others_warnings(expression: str) -> None:
    [problem] = check_expression(expression)
    assert problem.fatal == (RULES[problem.code].severity is Severity.ERROR)
