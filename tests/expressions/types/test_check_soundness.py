"""What the checker says of an expression is so: for every schema, every valid document, every part."""

from __future__ import annotations

import contextlib
from itertools import product
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from depth import examples
from expression_cases import expressions, payloads
from streamroute.expressions.evaluate.interpreter import is_falsy
from streamroute.expressions.lint import check_expression
from streamroute.expressions.syntax.parser import Tree, parse, walk
from streamroute.expressions.types.algebra.from_json_schema import from_schema
from streamroute.expressions.types.algebra.json_types import UNKNOWN, Type
from streamroute.expressions.types.algebra.type_operations import of_value
from streamroute.expressions.types.scope import Scope
from type_cases import Claims, Recorded, Watched, calls_over, documents_of, includes, rooted_schemas

patient = settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], deadline=None)


def assert_sound(expression: str, t: Type, document: Any, *, declared: bool) -> None:
    """Every value that a part of the expression gave is of its type, and every claim made of it is true."""
    tree = parse(expression)
    claims = Claims(tree, declared=declared, validated=True)
    recorded = Recorded(tree, claims)
    recorded.condition(tree.root, Scope.of(t))
    watched = Watched()
    with contextlib.suppress(Exception):  # what was seen before a failure counts as well
        watched.visit(tree.root, document)
    for node, value in watched.values:
        if node["type"] not in ("expref", "key_val_pair"):
            assert any(includes(each, value) for each in recorded.types[id(node)]), (node, value)
    for code, message, node in claims.claims:
        _assert_claim(tree, watched, code, message, node)


def _assert_claim(tree: Tree, watched: Watched, code: str, message: str, node: dict[str, Any]) -> None:
    values = [value for each, value in watched.values if each is node]
    if code in ("SR313", "SR314", "SR318"):
        assert {not is_falsy(value) for value in values} <= {"always true" in message}, message
    elif code == "SR320":
        assert all(value is None or not is_falsy(value) for value in values), message
    elif code == "SR321" and " is always " in message:
        assert all(value == values[0] for value in values), message
    elif code == "SR311":
        assert all(is_falsy(value) for value in values), message
    elif code in ("SR315", "SR316"):
        assert values in ([], [None] * len(values)), message
    elif code in ("SR310", "SR328"):
        for call in calls_over(tree, node):
            gave = [value for each, value in watched.values if each is call]
            empty = [each for each, value in watched.values if value == [] and each in call["children"]]
            assert not gave or (code == "SR328" and empty), message


_PIECES = ("!", "(", ")", "a", "b", ".b", "[]", ".*", "[?b]", ".to_string(@)", ".[a]", " | ", "[::0]", " && ")
_NULL = {
    "SR306": frozenset({"slice"}),
    "SR307": frozenset({"subexpression", "filter_projection", "value_projection", "flatten"}),
}
"""The nodes that are null, as the rule says, wherever they did not fail."""


@patient
@given(st.lists(st.sampled_from(_PIECES), min_size=2, max_size=9).map("".join), payloads)
def test_findings_about_negations_and_slices_hold_for_every_payload(
    expression: str, payload: dict[str, Any]
) -> None:
    problems = [each for each in check_expression(expression) if each.code in _NULL]
    assume(problems)
    tree, watched = parse(expression), Watched()
    with contextlib.suppress(Exception):  # what was seen before a failure counts as well
        watched.visit(tree.root, payload)
    for node, start, end in walk(tree.root, 0, len(expression)):
        values = [value for each, value in watched.values if each is node]
        for problem in problems:
            is_null = "null" in problem.message and node["type"] in _NULL[problem.code]
            if is_null and (problem.start, problem.end) == (start, end):
                assert values == [None] * len(values), problem


@patient
@given(expressions, payloads)
def test_without_a_schema_findings_hold_for_every_payload(expression: str, payload: dict[str, Any]) -> None:
    assume(not check_expression(expression))
    assert_sound(expression, UNKNOWN, payload, declared=False)


@patient
@given(expressions, payloads)
def test_findings_hold_for_a_schema_of_one_payload(expression: str, payload: dict[str, Any]) -> None:
    assume(not check_expression(expression))
    assert_sound(expression, of_value(payload), payload, declared=True)


PROBES = [
    form.format(*names)
    for names in product(("a", "b", "tier", "tags"), repeat=2)
    for form in (
        "{0}.{1}", "{0}[0].{1}", "{0}[-1]", "{0}[*].{1}", "{0}[].{1}", "{0}.*", "{0}[1:]", "{0}[?{1}]",
        "{0}[?{1} == 'a'].b", "@.*.{0}", "values({0})", "max({0})", "reverse({0})", "to_array({0})",
        "type({0})",
        "not_null({0}, {1})", "{0} == {1}", "{0} == `[]`", "{0} != 'a'", "{0} < {1}", "!{0}",
        "{0} && {1} || a",
        "{0} || {1} && b", "{0} == 'a' || {0}", "{0}.{1} == 'a' && {0}",
        "!{0}.{1} && {0}", "{0}[1]", "({0} && a) || ({1} && {0})", "!({0} && {1}) && {0}",
        "(({0} == 'a' || {0} == `1`) && {0}) || {1}", "contains(`[\"a\", \"gold\"]`, {0}) && {0}",
        "length({0} || `[]`) > `0` && {0}", "map(&{1}, {0} || `[]`)", "{0}.[{1}, a]", "{0}.{{x: {1}}}.x",
    )
]  # fmt: skip
"""Plain looks at what schemas have, in every way there is."""


@settings(patient, max_examples=examples(0.5))
@given(
    st.data(), st.lists(expressions, min_size=3, max_size=10), st.lists(st.sampled_from(PROBES), min_size=40)
)
def test_with_a_schema_findings_hold_for_every_valid_document(
    data: st.DataObject, drawn: list[str], probes: list[str]
) -> None:
    schema = data.draw(rooted_schemas())
    valid = data.draw(documents_of(schema))
    t = from_schema(schema)
    for document, expression in product(valid, [*drawn, *probes]):
        if not check_expression(expression):
            assert_sound(expression, t, document, declared=True)


@patient
@given(st.data())
def test_every_valid_document_has_its_schemas_type(data: st.DataObject) -> None:
    schema = data.draw(rooted_schemas())
    for document in data.draw(documents_of(schema)):
        assert includes(from_schema(schema), document)
