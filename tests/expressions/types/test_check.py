"""What is found in an expression by its literals and by a schema, and what is left alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given

from expression_cases import expressions
from jmespath_suite import compliance_cases, needs_compliance
from streamroute.config.findings.finding import Severity
from streamroute.config.findings.rules import RULES
from streamroute.expressions.evaluate.interpreter import evaluate
from streamroute.expressions.filters import compile_filter
from streamroute.expressions.lint import check_expression
from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.types.algebra.from_json_schema import from_schema
from streamroute.expressions.types.algebra.json_types import UNKNOWN, Type
from streamroute.expressions.types.algebra.payload_type import payload_type
from streamroute.expressions.types.check import check_types
from streamroute.expressions.types.inference import Inference
from streamroute.expressions.types.problem_report import ProblemReport
from streamroute.expressions.types.scope import Scope

ORDER: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "tier", "open", "count", "lines"],
    "properties": {
        "id": {"type": "string", "minLength": 1},
        "tier": {"enum": ["gold", "silver"]},
        "open": {"type": "boolean"},
        "count": {"type": "integer"},
        "amount": {"type": "number"},
        "note": {"type": ["string", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "scores": {"type": "array", "items": {"type": ["number", "null"]}},
        "customer": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {"tier": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
        },
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["sku"],
                "properties": {"sku": {"type": "string"}, "price": {"type": "number"}},
            },
        },
        "more": {"type": "object", "properties": {"known": {"type": "string"}}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "any": {"anyOf": [{"type": "object", "additionalProperties": False}, {}]},
    },
    "$defs": {"address": {"type": "object", "additionalProperties": False, "properties": {"city": True}}},
}
PAYLOAD = payload_type({"order.paid": from_schema(ORDER)})


def found(
    expression: str, payload: Type | None = None, *, validated: bool = False, condition: bool = True
) -> list[tuple[str, str]]:
    """Each problem's code, and the part of the expression that it is about."""
    problems = check_types(parse(expression), payload, validated=validated, condition=condition)
    return [(problem.code, expression[problem.start : problem.end]) for problem in problems]


def only(expression: str, payload: Type | None = None, *, validated: bool = False) -> Problem:
    [problem] = check_types(parse(expression), payload, validated=validated)
    return problem


# By the literals alone.


@pytest.mark.parametrize(
    ("expression", "caret", "meant"),
    [
        ('tier == "gold"', '"gold"', "write tier == 'gold'"),
        ('"gold" == tier', '"gold"', "write 'gold' == tier"),
        ('guest.tier != "gold" && vip', '"gold"', "write guest.tier != 'gold' && vip"),
        ('tier == "first class"', '"first class"', "write tier == 'first class'"),
        ('items[?kind == "room"]', '"room"', "write items[?kind == 'room']"),
        ('contains(tags, "vip")', '"vip"', "write contains(tags, 'vip')"),
        ('starts_with(name, "A")', '"A"', "write starts_with(name, 'A')"),
        ("vip == true", "true", "write vip == `true`"),
        ("false != vip", "false", "write `false` != vip"),
        ("guest == null", "null", "write guest == `null`"),
        ("vip == True", "True", "write vip == `true`"),
        ("guest != None", "None", "write guest != `null`"),
        ("true", "true", "write `true`"),
        ("a && !false", "false", "write a && !`false`"),
        ("(null) == a", "null", "write (`null`) == a"),
        ("a && (( true ) )", "true", "write a && (( `true` ) )"),
        ("(false)", "false", "write (`false`)"),
        ('tier == ("gold")', '"gold"', "write tier == ('gold')"),
        ('b == ("a)")', '"a)"', "write b == ('a)')"),
    ],
)
def test_a_field_name_in_place_of_a_value_is_corrected(expression: str, caret: str, meant: str) -> None:
    problem = only(expression)
    assert (problem.code, expression[problem.start : problem.end], problem.help) == ("SR312", caret, meant)


@pytest.mark.parametrize("comparison", [">= `0`", "> `0`", "== `0`", "!= `0`", "< `1`", ">= `-1`", "<= `9`"])
def test_a_comparison_of_a_length_does_not_hide_that_the_list_may_be_missing(comparison: str) -> None:
    expression = f"length(tags) {comparison}"
    assert ("SR317", "tags") in found(expression, PAYLOAD, validated=True)
    assert ("SR317", "tags") in found(f"open && {expression}", PAYLOAD, validated=True)
    assert ("SR317", "tags") not in found(f"tags && {expression}", PAYLOAD, validated=True)


@pytest.mark.parametrize(
    "expression",
    [
        "\"first-name\" == 'Ada'",
        "\"tier\" == 'gold'",
        '"first-name" == "last-name"',
        'guest."tier" == home."tier"',
        "flags.true == `1`",
        'contains(`["gold"]`, "tier")',
        "tier == level",
    ],
)
def test_intended_field_names_are_not_reported(expression: str) -> None:
    assert found(expression) == []


@pytest.mark.parametrize(
    ("expression", "caret"),
    [
        ("tier == 'gold' && tier == 'silver'", "tier == 'silver'"),
        ("'gold' == g.tier && x && 'silver' == g.tier", "'silver' == g.tier"),
        ("n == `1` && n == `true`", "n == `true`"),
        ("n == `0` && n == `false`", "n == `false`"),
        ("n == `1` && n == '1'", "n == '1'"),
        ("n == `null` && n == `1`", "n == `1`"),
        ("(t == 'a' || t == 'b') && t == 'c'", "t == 'c'"),
        ("t == 'a' && (x || t == 'b')", "t == 'b'"),
        ("items[?t == 'a' && t == 'b']", "t == 'b'"),
        ("a | y == `1` && y == `2`", "y == `2`"),
        ("a[?@ == 'a' && @ == 'b']", "@ == 'b'"),
    ],
)
def test_a_path_that_has_to_equal_two_literals_is_an_error(expression: str, caret: str) -> None:
    assert found(expression) == [("SR311", caret)]


@pytest.mark.parametrize(
    "expression",
    [
        "n == `1` && n == `1.0`",
        "tier == 'gold' || tier == 'silver'",
        "tier == 'gold' && guest.tier == 'silver'",
        "tier == 'gold' && items[?tier == 'silver']",
        "items[?tier == 'gold'] && items[?tier == 'silver']",
        "a | tier == 'gold' && (b | tier == 'silver')",
        "tier != 'gold' || tier == 'silver'",
        "tier != 'gold' && tier != 'silver'",
        "a[0] == `1` && a[1] == `2`",
        "(tier == 'gold' && vip) || (tier == 'silver' && !vip)",
    ],
)
def test_paths_that_can_equal_both_literals_are_not_reported(expression: str) -> None:
    assert found(expression) == []


@pytest.mark.parametrize(
    ("expression", "caret", "text"),
    [
        ("contains(`1`, 'x')", "`1`", "contains() takes a string or a list, not the number `1`"),
        ("a && abs('3')", "'3'", "abs() takes a number, not the string '3'"),
        ('sum(`[1, "a"]`)', '`[1, "a"]`', 'sum() takes a list of numbers, not the list `[1, "a"]`'),
        ("length(`true`)", "`true`", "length() takes a string, a list or an object, not `true`"),
        ("keys(`null`)", "`null`", "keys() takes an object, not `null`"),
        ("sort_by(items, price)", "price", "sort_by() takes an &expression, not a value"),
        ("length(a == b)", "a == b", "length() takes a string, a list or an object, not a boolean"),
        ("starts_with(length(a), 'x')", "length(a)", "starts_with() takes a string, not a number"),
        ("contains('abc', `1`)", "`1`", "contains() searches a string for a string, not for a number"),
        (
            "sort_by([a], &(a == b))",
            "a == b",
            "sort_by() compares by a number or a string, not a boolean",
        ),
        ("join(',', [length(a)])", "[length(a)]", "join() takes a list of strings, not a list of numbers"),
    ],
)
def test_an_argument_that_a_function_never_takes_is_an_error(expression: str, caret: str, text: str) -> None:
    problem = next(each for each in check_types(parse(expression)) if each.code == "SR310")
    assert (expression[problem.start : problem.end], problem.text) == (caret, text)


@pytest.mark.parametrize(
    ("expression", "caret", "text"),
    [
        (
            "sort_by(items, &(a == b))",
            "a == b",
            "sort_by() compares by a number or a string, not a boolean",
        ),
        (
            "sum(map(&to_string(@), a))",
            "map(&to_string(@), a)",
            "sum() takes a list of numbers, not a list of strings",
        ),
        ("avg(keys(a)) > `1`", "keys(a)", "avg() takes a list of numbers, not a list of strings"),
    ],
)
def test_a_list_of_what_a_function_never_takes_is_a_warning_since_it_may_be_empty(
    expression: str, caret: str, text: str
) -> None:
    problem = next(each for each in check_types(parse(expression)) if each.code == "SR328")
    assert expression[problem.start : problem.end] == caret
    assert problem.text == f"{text}: it fails unless the list is empty"
    assert RULES["SR328"].severity is Severity.WARNING
    assert compile_filter(f"({expression}) == `0` || `true`")(
        {"items": [], "a": {} if "keys" in expression else []}
    )


@pytest.mark.parametrize(
    ("expression", "caret"),
    [
        ("`1`", "`1`"),
        ("length(tags)", "length(tags)"),
        ("vip && length(tags)", "length(tags)"),
        ("!length(tags)", "length(tags)"),
        ("items[?length(tags)]", "length(tags)"),
        ("sum(a) || b", "sum(a)"),
    ],
)
def test_a_number_as_a_condition_is_always_true(expression: str, caret: str) -> None:
    assert found(expression) == [("SR313", caret)]


@pytest.mark.parametrize(
    ("expression", "caret", "outcome"),
    [
        ("tier == 'gold' || 'silver'", "'silver'", "true"),
        ("'a' == 'b'", "'a' == 'b'", "false"),
        ("`[1]` == `[1]`", "`[1]` == `[1]`", "true"),
        ("a && `1` == `1.0`", "`1` == `1.0`", "true"),
        ("vip && `false`", "`false`", "false"),
        ("`[]`", "`[]`", "false"),
        ("a && !a", "a && !a", "false"),
        ("length(a) > '3'", "length(a) > '3'", "false"),
        ("type(a) == 'strng'", "type(a) == 'strng'", "false"),
        ("items[?`true`]", "`true`", "true"),
        ("vip > `true`", "vip > `true`", "false"),
    ],
)
def test_a_condition_that_is_settled_by_itself_is_found(expression: str, caret: str, outcome: str) -> None:
    problem = only(expression)
    assert (problem.code, expression[problem.start : problem.end]) == ("SR314", caret)
    assert problem.message.endswith(f"is always {outcome}")


@pytest.mark.parametrize(
    "expression",
    [
        "items[?vip]",
        "vip || `false`",
        "contains(tags || `[]`, 'x')",
        "not_null(a, 'x') == 'x'",
        "to_number(a)",
        "max(a)",
        "tier",
        "`[1, 2]` == a",
        'contains(`["gold", "silver"]`, tier)',
        "date > '2024-01-01'",
        "a != 'x' || b",
    ],
)
def test_undecided_conditions_are_not_reported(expression: str) -> None:
    assert found(expression) == []


def test_a_value_may_always_be_true() -> None:
    assert found("{kind: 'x', n: `1`, size: length(a)}", condition=False) == []
    assert found("length(a)", condition=False) == []


@pytest.mark.parametrize(
    ("expression", "caret", "advice"),
    [
        ("[a, b]", "[a, b]", "a && b"),
        ("([a == 'x', b == 'y'])", "[a == 'x', b == 'y']", "(a == 'x' && b == 'y')"),
        ("vip && [a || b, c]", "[a || b, c]", "vip && (a || b) && c"),
        ("vip || [a, b]", "[a, b]", "vip || (a && b)"),
        ("vip && ![a, b]", "[a, b]", "vip && !(a && b)"),
        ("vip || [a]", "[a]", "vip || a"),
        ("!([a, b])", "[a, b]", "!(a && b)"),
        ("guest | [a, b]", "[a, b]", "guest | a && b"),
        ("guest | vip && [a, b]", "[a, b]", "guest | vip && a && b"),
        ("items[?[a, b]]", "[a, b]", "items[?a && b]"),
        ("{tier: 'gold', n: `3`}", "{tier: 'gold', n: `3`}", "tier == 'gold' && n == `3`"),
        ("{x: a == 'x', \"y z\": 'b'}", "{x: a == 'x', \"y z\": 'b'}", "a == 'x' && \"y z\" == 'b'"),
    ],
)
def test_a_list_or_an_object_that_is_written_out_is_no_condition(
    expression: str, caret: str, advice: str
) -> None:
    problem = only(expression)
    assert (problem.code, expression[problem.start : problem.end]) == ("SR320", caret)
    assert problem.help == f"if all parts are required, write {advice}"
    assert check_expression(advice) == []
    assert found(advice) == []
    assert "[?" in expression or found(expression, condition=False) == []


@pytest.mark.parametrize("expression", ["{x: y}", "['gold', 'silver']", "a && {x: {y: z}}"])
def test_ambiguous_conditions_get_general_help(expression: str) -> None:
    problem = only(expression)
    assert problem.code == "SR320"
    assert problem.help == "write a comparison, such as guest.tier == 'gold' && nights >= `3`"


@pytest.mark.parametrize(
    "expression",
    [
        "[a, b] | [0]",
        "[a, b][?@ == 'x']",
        "{a: b}.a",
        "[a, b] == [c, d]",
        "guest.[a, b]",
        "contains([a, b], 'x')",
    ],
)
def test_a_function_of_a_literal_list_may_be_a_condition(expression: str) -> None:
    assert found(expression) == []


@pytest.mark.parametrize(
    ("expression", "caret", "advice"),
    [
        ("tier == ('gold' || 'silver')", "'gold' || 'silver'", "tier == 'gold' || tier == 'silver'"),
        ("tier != ('gold' || 'silver')", "'gold' || 'silver'", "tier != 'gold' && tier != 'silver'"),
        ("tier == ('gold' && 'silver')", "'gold' && 'silver'", "tier == 'gold' || tier == 'silver'"),
        ("contains(tags, 'a' || 'b')", "'a' || 'b'", "contains(tags, 'a') || contains(tags, 'b')"),
        ("vip && ('a' || 'b') == tier", "'a' || 'b'", "vip && ('a' == tier || 'b' == tier)"),
        ("!(tier == ('a' || 'b'))", "'a' || 'b'", "!(tier == 'a' || tier == 'b')"),
        ("vip || tier == ('a' || 'b')", "'a' || 'b'", "vip || tier == 'a' || tier == 'b'"),
        ("!contains(tags, 'a' || 'b')", "'a' || 'b'", "!(contains(tags, 'a') || contains(tags, 'b'))"),
        ("tier == (a || 'x' || b)", "a || 'x' || b", None),
        ("tier == ('x' || b)", "'x' || b", None),
    ],
)
def test_literals_that_leave_nothing_to_choose_are_found(
    expression: str, caret: str, advice: str | None
) -> None:
    problem = only(expression)
    assert (problem.code, expression[problem.start : problem.end]) == ("SR321", caret)
    assert problem.help == (advice and f"write {advice}")
    assert advice is None or found(advice) == []


@pytest.mark.parametrize(
    ("expression", "advice"),
    [
        ("length(tags)", "compare it: length(tags) > `0`"),
        ("vip || length(tags)", "compare it: length(tags) > `0`"),
        ("!length(tags)", "compare it: length(tags) == `0`, without the !"),
        ("vip && !(length(tags))", "compare it: length(tags) == `0`, without the !"),
    ],
)
def test_a_number_as_a_condition_gets_a_comparison_as_advice(expression: str, advice: str) -> None:
    problem = only(expression)
    assert (problem.code, problem.help) == ("SR313", advice)


@pytest.mark.parametrize(
    ("expression", "advice"),
    [
        ("tier == 'gold' || 'silver'", "tier == 'gold' || tier == 'silver'"),
        ("tier == 'a' || 'b' || 'c'", "tier == 'a' || tier == 'b' || tier == 'c'"),
        ("tier != 'gold' && 'silver'", "tier != 'gold' && tier != 'silver'"),
        ("tier == 'gold' && 'silver'", "tier == 'gold' || tier == 'silver'"),
        ("vip && tier == 'gold' && 'tin'", "vip && (tier == 'gold' || tier == 'tin')"),
        ("vip || tier == 'gold' || 'tin'", "vip || tier == 'gold' || tier == 'tin'"),
        ("!tier == 'gold'", "tier != 'gold'"),
        ("id[:2] == 'AB'", "starts_with(id, 'AB')"),
        ("id[0:2] != 'AB'", "!starts_with(id, 'AB')"),
        ("guest.id[-2:] == 'AB'", "ends_with(guest.id, 'AB')"),
        ("tier == 'gold' | vip == `true`", "tier == 'gold' || vip == `true`"),
    ],
)
def test_a_constant_condition_gets_the_intended_one_as_advice(expression: str, advice: str) -> None:
    problem = only(expression)
    assert problem.code == "SR314"
    assert (problem.help or "").endswith(f"write {advice}")
    assert found(advice) == []


@pytest.mark.parametrize(
    ("name", "meant"), [("int", "number"), ("str", "string"), ("list", "array"), ("Dict", "object")]
)
def test_a_type_by_another_name_is_answered_with_its_own(name: str, meant: str) -> None:
    assert only(f"type(a) == '{name}'").help == f"JMESPath calls it '{meant}'"


@pytest.mark.parametrize(
    "expression", ["a == (b || 'x')", "vip && 'yes'", "(a == 'x' && 'y' || 'z') == b", "(`null` || a) == b"]
)
def test_a_literal_that_is_a_last_resort_or_a_value_is_left_alone(expression: str) -> None:
    assert found(expression) == []


# With a schema.


@pytest.mark.parametrize(
    ("expression", "caret", "text"),
    [
        ("custmer.tier", "custmer", 'the schema has no field "custmer"; did you mean "customer"?'),
        ("customer.teir", "teir", 'the schema has no field "teir"; did you mean "tier"?'),
        ("customer.address.zip", "zip", 'the schema has no field "zip"'),
        ("lines[*].skuu", "skuu", 'the schema has no field "skuu"; did you mean "sku"?'),
        ("lines[?pryce > `3`]", "pryce", 'the schema has no field "pryce"; did you mean "price"?'),
        ("lines[0].x", "x", 'the schema has no field "x"'),
        ("lines[].x", "x", 'the schema has no field "x"'),
        ("customer | teir", "teir", 'the schema has no field "teir"; did you mean "tier"?'),
        ("map(&skv, lines)", "skv", 'the schema has no field "skv"; did you mean "sku"?'),
        ("amuont > `10`", "amuont", 'the schema has no field "amuont"; did you mean "amount"?'),
        ("origin.tier", "origin", 'the schema has no field "origin"'),
        ("id.x", "x", 'cannot read field "x" of a string'),
        ("lines.sku", "sku", 'cannot read field "sku" of a list'),
        ("id[0]", "id[0]", "expected a list, but this is a string"),
        ("id.*", "id.*", "expected an object, but this is a string"),
    ],
)
def test_a_step_that_a_closed_schema_rules_out_is_an_error(expression: str, caret: str, text: str) -> None:
    problem = next(iter(check_types(parse(expression), PAYLOAD)))
    assert (problem.code, expression[problem.start : problem.end], problem.text) == ("SR315", caret, text)


@pytest.mark.parametrize(
    "expression",
    [
        "more.other",
        "more.other.deep",
        "labels.x",
        "any.x",
        "source == 'x'",
        "trace_id",
        "lines[*].price",
        "customer",
    ],
)
def test_a_field_that_there_may_be_is_left_alone(expression: str) -> None:
    assert found(expression, PAYLOAD) == []


@pytest.mark.parametrize(
    ("expression", "fix"),
    [
        ("amount > '10'", "write amount > `10`"),
        ("'10' < amount", "write `10` < amount"),
        ("id > `3`", "write a string in single quotes: '3', or to_number(id)"),
        ("source >= `3`", "write a string in single quotes: '3', or to_number(source)"),
        ("open > amount", "compare two numbers or two strings"),
        ("lines[?price > '3']", "write lines[?price > `3`]"),
    ],
)
@pytest.mark.parametrize("validated", [False, True])
def test_an_ordering_that_never_holds_is_one_error(expression: str, fix: str, *, validated: bool) -> None:
    problem = only(expression, PAYLOAD, validated=validated)
    assert (problem.code, problem.help) == ("SR316", fix)


@pytest.mark.parametrize(
    "expression", ["amount > count", "id > tier", "note > 'x'", "more.x > `3`", "any > '3'"]
)
def test_an_ordering_that_may_hold_is_left_alone(expression: str) -> None:
    assert found(expression, PAYLOAD) == []


@pytest.mark.parametrize(
    ("expression", "caret", "fix"),
    [
        ("contains(tags, 'a')", "tags", "write tags || `[]`"),
        ("starts_with(note, 'a')", "note", "write note || ''"),
        ("abs(amount) > `3`", "amount", "write amount || `0`"),
        ("starts_with(customer.tier, 'g')", "customer.tier", "write customer.tier || ''"),
        ("starts_with(labels.x, 'g')", "labels.x", "write labels.x || ''"),
        ("lines[?abs(price) > `1`]", "price", "write price || `0`"),
        ("sum(scores || `[]`) > `1`", "scores || `[]`", "write (scores || `[]`)[*], which removes nulls"),
        ("max_by(lines, &price)", "price", "filter out such elements first: [?price != `null`]"),
    ],
)
def test_a_function_that_fails_where_its_argument_is_missing_is_a_warning(
    expression: str, caret: str, fix: str
) -> None:
    problem = only(expression, PAYLOAD)
    assert (problem.code, expression[problem.start : problem.end], problem.help) == ("SR317", caret, fix)


@pytest.mark.parametrize(
    "expression",
    [
        "contains(tags || `[]`, 'a')",
        "tags && contains(tags, 'a')",
        "!tags || contains(tags, 'a')",
        "tags != `null` && contains(tags, 'a')",
        "type(tags) == 'array' && contains(tags, 'a')",
        "length(tags || `[]`) > `0` && contains(tags, 'a')",
        "contains(keys(@), 'tags') && contains(tags, 'a')",
        "amount > `3` && abs(amount) > `4`",
        "lines[?price].abs(price)",
        "lines[?price && abs(price) > `3`]",
        "length(id) > `3`",
        "length(more.other) > `3`",
        "length(source) > `3`",
        "contains(not_null(tags, `[]`), 'a')",
        "sum(lines[*].price) > `3`",
    ],
)
def test_an_argument_that_is_thought_of_or_not_known_is_left_alone(expression: str) -> None:
    assert found(expression, PAYLOAD, validated=True) == []


@pytest.mark.parametrize(
    ("expression", "caret", "outcome"),
    [
        ("tier == 'bronze'", "tier == 'bronze'", "false"),
        ("type == 'order.paid'", "type == 'order.paid'", "true"),
        ("id", "id", "true"),
        ("open == `true` || open == `false`", "open == `true` || open == `false`", "true"),
        ("count == '1'", "count == '1'", "false"),
        ("lines[?sku == `1`]", "sku == `1`", "false"),
        ("tier != 'gold' && tier != 'silver'", "tier != 'gold' && tier != 'silver'", "false"),
    ],
)
def test_a_condition_that_the_schema_settles_is_a_warning_where_messages_are_validated(
    expression: str, caret: str, outcome: str
) -> None:
    problem = only(expression, PAYLOAD, validated=True)
    assert (problem.code, expression[problem.start : problem.end]) == ("SR318", caret)
    assert f"is always {outcome} according to the schema" in problem.message
    assert {code for code, _ in found(expression, PAYLOAD)} <= {"SR330"}  # kinds that never meet


def test_a_number_that_is_always_there_is_no_condition() -> None:
    assert found("count", PAYLOAD, validated=True) == [("SR313", "count")]
    assert found("count", PAYLOAD) == []
    assert found("amount", PAYLOAD, validated=True) == []


def test_a_schema_that_has_the_field_of_that_name_makes_it_no_mistake() -> None:
    payload = payload_type({"t": from_schema({"properties": {"gold": {"type": "string"}, "true": {}}})})
    assert found('tier == "gold"', payload) == []
    assert found("vip == true", payload) == []
    assert found('tier == "silver"', payload) == [("SR312", '"silver"')]


def test_a_field_of_one_of_several_types_is_known() -> None:
    closed = {"type": "object", "additionalProperties": False}
    schemas = {
        name: from_schema({**closed, "properties": {name: {"type": "string"}}}) for name in ("one", "two")
    }
    payload = payload_type(schemas)
    assert found("one || two", payload) == []
    assert found("three.x", payload) == [("SR315", "three")]
    assert found("type == 'one' && one", payload) == []
    assert found("type == 'three'", payload, validated=True) == [("SR318", "type == 'three'")]


def test_a_type_without_a_schema_makes_every_field_possible() -> None:
    payload = payload_type({"order.paid": from_schema(ORDER), "order.lost": None})
    assert found("custmer.tier && amuont > 'a'", payload) == []


def test_one_alternative_of_a_union_is_chosen_by_its_constant() -> None:
    def branch(kind: str, value: str) -> dict[str, Any]:
        properties = {"kind": {"const": kind}, "value": {"type": value}}
        return {"type": "object", "required": ["kind", "value"], "properties": properties}

    payload = payload_type({"t": from_schema({"oneOf": [branch("s", "string"), branch("n", "number")]})})
    assert found("kind == 's' && value > `3`", payload) == [("SR316", "value > `3`")]
    assert found("kind == 'n' && value > `3`", payload) == []
    assert found("value > `3`", payload) == []


@pytest.mark.parametrize(
    "uncertainty",
    [
        {"if": {"required": ["x"]}, "then": {"required": ["tags"]}},
        {"dependentRequired": {"x": ["tags"]}},
        {"allOf": [{"if": {}, "then": {"required": ["tags"]}}]},
        {"not": {"properties": {"tags": {"type": "null"}}}},
        {"allOf": [{"properties": {"tags": {"not": {"type": "null"}}}}], "required": ["tags"]},
    ],
)
def test_a_word_that_is_not_understood_may_require_a_property(uncertainty: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"tags": {"type": ["array", "null"]}}, **uncertainty}
    assert found("contains(tags, 'a')", payload_type({"t": from_schema(schema)})) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {}}, "additionalProperties": False, "patternProperties": {"^x-": {}}},
        {"properties": {"a": {}}},
        {"anyOf": [{"properties": {"a": {}}, "additionalProperties": False}, {}]},
        {"$ref": "other.json"},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        True,
        "no schema",
        None,
    ],
)
def test_open_schemas_report_nothing(schema: Any) -> None:
    payload = payload_type({"t": from_schema({"type": "object", "properties": {"p": schema}})})
    assert found("p.missing.deeper", payload, validated=True) == []


# Of all expressions.


@needs_compliance
@pytest.mark.parametrize(("expression", "document", "case"), compliance_cases())
def test_no_expression_of_the_suite_that_has_a_result_is_refused(
    expression: str, document: Any, case: dict[str, Any]
) -> None:
    if check_expression(expression):
        assert "error" in case
        return
    if "error" in case:
        with pytest.raises(Exception):  # noqa: B017 - the interpreter's, or the parser's
            evaluate(parse(expression).root, document)
        return
    for condition in (True, False):
        problems = check_types(parse(expression), condition=condition)
        assert [each for each in problems if RULES[each.code].severity is Severity.ERROR] == []


@given(expressions)
def test_an_outline_that_was_seen_before_changes_nothing(expression: str) -> None:
    assume(not check_expression(expression))
    tree = parse(expression)
    report = ProblemReport(tree)
    Inference(tree, report).condition(tree.root, Scope.of(UNKNOWN))
    mistakes = ("SR307", "SR312")
    found_by_types = [each for each in check_types(tree) if each.code not in mistakes and each.code < "SR322"]
    reported = {each[:4] for each in report.problems}
    assert {
        each[:4] for each in found_by_types if "the result is the same for every message" not in each.message
    } <= reported
    assert not report.problems or check_types(tree)


@given(expressions)
def test_every_problem_has_a_rule_and_lies_within_the_expression(expression: str) -> None:
    assume(not check_expression(expression))
    for problem in check_types(parse(expression), PAYLOAD, validated=True):
        assert problem.code in RULES
        assert problem.end is not None
        assert 0 <= problem.start < problem.end <= len(expression)
