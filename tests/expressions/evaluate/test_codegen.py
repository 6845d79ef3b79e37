"""Generated filters give what the library gives, run no text of the user's, and share code by shape."""

from __future__ import annotations

import json
from types import CodeType, FunctionType
from typing import Any, Never

import jmespath
import pytest
from hypothesis import assume, example, given, settings

from depth import examples
from expression_cases import documents, expressions, payloads
from jmespath_suite import compliance_cases, needs_compliance
from streamroute.expressions.evaluate import codegen
from streamroute.expressions.evaluate.codegen import (
    Evaluate,
    NotCoveredError,
    generate_filter,
    generate_value,
)
from streamroute.expressions.evaluate.interpreter import SIGNATURES, evaluate, is_falsy
from streamroute.expressions.filters import compile_filter
from streamroute.expressions.lint import parse_compilable
from streamroute.expressions.problem import ExpressionError
from streamroute.expressions.syntax.parser import Node, parse


class GaveUpError(Exception):
    """The generated code asked for its fallback."""


def gives_up(_payload: Any) -> Never:
    raise GaveUpError


def compilable(expression: str) -> Node | None:
    try:
        return parse_compilable(expression).root
    except ExpressionError:
        return None


def code_of(function: Evaluate) -> CodeType:
    assert isinstance(function, FunctionType)
    return function.__code__


DOCUMENT: dict[str, Any] = {
    "a": {"b": 1, "c": [{"a": 0, "b": True}, {"a": "x"}, None, 3]},
    "b": [0, 1, 1.0, True, "", "gold", None, []],
    "c": "gold",
    "tier": 0,
    "tags": ["vip", "new"],
}


@settings(max_examples=examples(4))
@given(expressions, payloads)
@example("a == `1`", {"a": True})
@example("a == `0`", {"a": 0.0})
@example("a == `true`", {"a": 1})
@example("a == b", {"a": 1, "b": True})
@example("a != b", {"a": 1, "b": 1.0})
@example("`1` < a", {"a": 2})
@example("`[1]` < a", {"a": 2})
@example("'a' < a", {"a": "b"})
@example("a > `true`", {"a": 2})
@example("a || b || c", {"a": 0})
@example("a && b && c", {"a": 0, "b": "", "c": 1})
@example("!a", {"a": 0})
@example('contains(`["a", "b"]`, a)', {"a": "b"})
@example("contains(a, `1`)", {"a": [True]})
@example("contains(['a', 'b'], a)", {"a": "b"})
@example("contains(['a', 'b'], a)", None)
@example("a | contains(['a'], b)", {})
@example("a.*[].b[?c].[@, a][*]", DOCUMENT)
@example("map(&[?a].b, b)", DOCUMENT)
@example("a.c[?a == `0`] | [0].b", DOCUMENT)
@example("sort_by(a.c[?b], &a)[0].a", DOCUMENT)
@example("{x: a.b, y: `1`}.x", DOCUMENT)
def test_the_code_gives_the_library_s_value_or_gives_up_where_it_raises(
    expression: str, payload: Any
) -> None:
    root = compilable(expression)
    assume(root is not None)
    assert root is not None
    try:
        value, truth = generate_value(root, gives_up)(payload), generate_filter(root, gives_up)(payload)
    except GaveUpError:
        with pytest.raises(Exception):  # noqa: B017 - whatever it is, giving up is right
            evaluate(root, payload)
        return
    expected = evaluate(root, payload)
    if "&" not in expression.replace("&&", ""):  # the value of &expr itself prints with its address
        assert repr(value) == repr(expected)
    assert truth is not is_falsy(expected)


@given(expressions, documents)
def test_generated_code_returns_the_librarys_values_without_fallback(expression: str, document: Any) -> None:
    payload = {"a": document, "b": document}
    root = compilable(expression)
    assume(root is not None)
    assert root is not None
    try:
        expected = evaluate(root, payload)
    except Exception:  # noqa: BLE001 - whatever the library raises, it has no value
        assume(False)
    assert generate_filter(root, gives_up)(payload) is not is_falsy(expected)


@needs_compliance
@pytest.mark.parametrize(("expression", "document", "case"), compliance_cases())
def test_the_compliance_suite_holds_and_every_construct_in_it_is_covered(
    expression: str, document: Any, case: dict[str, Any]
) -> None:
    root = compilable(expression)
    if root is None:
        assert "error" in case
        return
    try:
        value = generate_value(root, lambda payload: evaluate(root, payload))(document)
    except (ValueError, TypeError):
        assert "error" in case
    else:
        assert value == case["result"]


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_every_function_is_covered(name: str) -> None:
    arguments = ["&a" if "expref" in parameter["types"] else "a" for parameter in SIGNATURES[name]]
    function = generate_value(parse(f"{name}({', '.join(arguments)})").root, gives_up)
    assert code_of(function).co_argcount == 1


HOSTILE = [
    "__import__('os').system('true')",
    "'); import os; os.abort(); ('",
    "\n\nimport os\n",
    "c0",
    "fallback",
    "{expression}",
    "\\",
    "\u2028",
    "exec",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "form", ["{} == 'x'", "a == {}", "a.{}.b", "contains([{}], a)", "a[?{} == {}]", "[a].{{k: {}}}"]
)
def test_text_of_expressions_is_never_compiled_as_code(
    text: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(codegen, "_assert_generated", compiled.append)
    codegen._factory.cache_clear()
    expression = form.format(*[json.dumps(text)] * form.count("{}"))
    function = generate_filter(parse(expression).root, gives_up)
    assert [source for source in compiled if text in source and text != "c0"] == []
    assert compiled, "something was compiled"
    assert not {text, json.dumps(text)} & set(map(str, code_of(function).co_consts))
    payload = {"a": {text: {"b": text}}, text: "x"}
    assert generate_filter(parse(expression).root, gives_up)(payload) is not is_falsy(
        jmespath.search(expression, payload)
    )


@pytest.mark.parametrize(
    "source", ["__import__", "p.__class__.__mro__", "p['x']", '"x"', "p; p", "p\\", "open(p)", "é"]
)
def test_untemplated_code_is_refused_before_it_is_compiled(source: str) -> None:
    with pytest.raises(NotCoveredError):
        codegen._factory(source, 0)


def test_filters_of_one_shape_share_their_code() -> None:
    one = generate_filter(parse("tenant == 't1' && nights > `3`").root, gives_up)
    two = generate_filter(parse("account == 'x' && total > `7`").root, gives_up)
    assert code_of(one) is code_of(two)
    assert (one({"tenant": "t1", "nights": 4}), two({"tenant": "t1", "nights": 4})) == (True, False)


@pytest.mark.parametrize("operand", ["a.b == `1`", "a", "a.c"])
@pytest.mark.parametrize("operator", ["&&", "||", "|"])
@pytest.mark.parametrize("form", ["{}", "[{}][0]"])
def test_a_chain_of_hundreds_is_evaluated_whatever_evaluates_it(
    form: str, operator: str, operand: str
) -> None:
    expression = form.format(f" {operator} ".join([operand] * 300))
    payload = {"a": {"b": 1, "c": 0}}
    expected = not is_falsy(evaluate(parse(expression).root, payload))
    assert compile_filter(expression)(payload) is expected


def test_a_path_in_a_list_of_many_strings_is_looked_up() -> None:
    accepts = compile_filter('contains(`["a","b","c","d","e","f","g","h"]`, country)')
    assert [accepts({"country": country}) for country in ("a", "x", None, 1)] == [True, False, False, False]
    assert accepts({"country": ["a"]}) is False, "a list is in no set, and the library looks for it"


def test_the_fallback_is_asked_where_the_code_raises() -> None:
    function = generate_value(parse("abs(a)").root, lambda payload: ("asked", payload))
    assert function({"a": -1}) == 1
    assert function({"a": "x"}) == ("asked", {"a": "x"})
