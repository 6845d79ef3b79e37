"""What JMESPath takes and is almost surely not meant is a warning, with what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.config.findings.finding import Severity
from streamroute.config.findings.rules import RULES
from streamroute.expressions.filters import FilterError, compile_filter
from streamroute.expressions.lint import check_expression
from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.types.algebra.from_json_schema import from_schema
from streamroute.expressions.types.algebra.json_types import Type
from streamroute.expressions.types.algebra.payload_type import payload_type
from streamroute.expressions.types.check import check_types
from streamroute.expressions.types.mistakes.likely_mistakes import DEFAULT_TRAITS, PayloadTraits

MESSAGE: Any = {
    "type": "t", "total": 150, "vip": True, "name": "x", "tags": ["x"], "x": None, "a": {"b": True},
    "items": [{"price": 200}] * 4, "order": {"items": [{"price": 9}]},
}  # fmt: skip
"""A message that each expression was meant to accept, and does not."""


def rewrite_of(problem: Problem) -> str:
    """The expression that the help says to write."""
    assert problem.help is not None
    return problem.help.removeprefix("write ").partition("; if ")[0]


def found(
    expression: str, payload: Type | None = None, traits: PayloadTraits = DEFAULT_TRAITS
) -> list[Problem]:
    assert check_expression(expression) == []
    return check_types(parse(expression), payload, traits=traits)


SLIPS = [
    ("payload.total > `100`", "SR322", "payload", "total > `100`"),
    ("data.total > `100`", "SR322", "data", "total > `100`"),
    ("event.type == 't'", "SR322", "event", "type == 't'"),
    ("msg.name", "SR322", "msg", "name"),
    ("message.a.b", "SR322", "message", "a.b"),
    ("vip && payload.items[0].price > `100`", "SR322", "payload", "vip && items[0].price > `100`"),
    ("data.items[?price > `100`]", "SR322", "data", "items[?price > `100`]"),
    ("not_null(payload.total)", "SR322", "payload", "not_null(total)"),
    ("items.length > `3`", "SR323", "items.length", "length(items) > `3`"),
    ("vip && order.items.length == `1`", "SR323", "order.items.length", "vip && length(order.items) == `1`"),
    ("vip == 'true'", "SR324", "'true'", "vip == `true`"),
    ("'true' == a.b", "SR324", "'true'", "`true` == a.b"),
    ("total >= '100'", "SR324", "'100'", "total >= `100`"),
    ("'99.5' < total", "SR324", "'99.5'", "`99.5` < total"),
    ("items[?price > '100']", "SR324", "'100'", "items[?price > `100`]"),
    ("name == `'x'`", "SR325", "`'x'`", "name == 'x'"),
    ("vip == `True`", "SR325", "`True`", "vip == `true`"),
    ("total == `150.`", "SR325", "`150.`", None),
    ("total > `1_00`", "SR325", "`1_00`", "total > `100`"),
    ("total > `$100`", "SR325", "`$100`", "total > `100`"),
    ("total > `abc`", "SR325", "`abc`", None),
    ("contains(`['x', 'y']`, name)", "SR325", "`['x', 'y']`", "contains(['x', 'y'], name)"),
    ("x == `None`", "SR325", "`None`", "x == `null`"),
    ("@.payload.total > `100`", "SR322", "payload", "total > `100`"),
    ("@.data.a.b", "SR322", "data", "a.b"),
    ("body.total > `100`", "SR322", "body", "total > `100`"),
    ("record.vip", "SR322", "record", "vip"),
    ("this.vip && this.total > `100`", "SR322", "this", "vip && total > `100`"),
    ("self.tags[0] == 'x'", "SR322", "self", "tags[0] == 'x'"),
    ("root.order.items", "SR322", "root", "order.items"),
    ("vip && self.total > `100`", "SR322", "self", "vip && total > `100`"),
    ("event.body.total > `100`", "SR322", "event", "total > `100`"),
    ("type == 't' && payload.total > `100`", "SR322", "payload", "type == 't' && total > `100`"),
    ("event.data.payload.vip", "SR322", "event", "vip"),
    ("payload.[a, name][1]", "SR322", "payload", None),
    ("payload == 'x'", "SR322", "payload", None),
    ("`3` == this", "SR322", "this", None),
    ("!vip == `false`", "SR307", "!vip == `false`", "vip != `false`"),
    ("total == `[150,`", "SR325", "`[150,`", None),
    ("name == `['x'`", "SR325", "`['x'`", None),
    ("@ == 'x'", "SR322", "@", None),
    ("not .x", "SR307", "not .x", "!x"),
    ("x || not .a.c", "SR307", "not .a.c", "x || !(a.c)"),
    ("vip == `1,5`", "SR325", "`1,5`", None),
    ("a.b == `1.000,5`", "SR325", "`1.000,5`", None),
    ("contains(tier, ['gold', 'silver'])", "SR329", None, "contains(['gold', 'silver'], tier)"),
    ("contains('x', tags)", "SR329", None, "contains(tags, 'x')"),
    ("contains(['x', 'y'], 'name')", "SR314", None, "contains(['x', 'y'], name)"),
    ("sum(items.price) > `100`", "SR326", "items.price", "sum(items[*].price) > `100`"),
    ("join('', items.name) == ''", "SR326", "items.name", "join('', items[*].name) == ''"),
    ("vip == 'true' || vip == `false`", "SR324", "'true'", "vip == `true` || vip == `false`"),
    ("name == `+4930123456`", "SR325", "`+4930123456`", None),
    ("max(order.items.price) > `8`", "SR326", "order.items.price", "max(order.items[*].price) > `8`"),
    ("starts_with('xy', name)", "SR329", "starts_with('xy', name)", "starts_with(name, 'xy')"),
    ("vip && ends_with('yx', a.name)", "SR329", "ends_with('yx', a.name)", "vip && ends_with(a.name, 'yx')"),
    ("vip == TRUE", "SR312", "TRUE", "vip == `true`"),
    ("a.x == undefined && total != NULL", "SR312", "undefined", None),
    ("total != nil", "SR312", "nil", "total != `null`"),
]


@pytest.mark.parametrize(("expression", "code", "caret", "meant"), SLIPS)
def test_a_likely_mistake_is_a_warning_with_a_correction(
    expression: str, code: str, caret: str | None, meant: str | None
) -> None:
    problem = found(expression)[0]
    assert (problem.code, expression[problem.start : problem.end]) == (code, caret or expression)
    assert RULES[code].severity is Severity.WARNING
    if meant is not None:
        assert rewrite_of(problem) == meant
        assert found(meant) == []
        assert code == "SR329" or compile_filter(meant)(MESSAGE)


@pytest.mark.parametrize(
    "expression",
    [mistake[0] for mistake in SLIPS if mistake[1] not in ("SR307", "SR312", "SR314", "SR325", "SR329")],
)
def test_reported_filters_accept_no_intended_message(expression: str) -> None:
    try:
        accepted = compile_filter(expression)(MESSAGE)
    except FilterError:
        accepted = False
    assert not accepted


@pytest.mark.parametrize(
    ("expression", "meant"),
    [
        ("payload.vip == 'true'", "vip == `true`"),
        ('message.name == "x"', "name == 'x'"),
        ("items.length", "length(items) > `0`"),
        ("data.vip == true", "vip == `true`"),
        ("tier == [gold, silver]", "contains(['gold', 'silver'], tier)"),
        ("!vip == true", "vip != `true`"),
        ("!vip == 'true'", "vip != `true`"),
        ("payload.items.length > '3'", "length(items) > `3`"),
        ("total > `'100'`", "total > `100`"),
        ("total > `1.000,5`", "total > `1000.5`"),
        ("total > `1,5`", "total > `1.5`"),
        ("total > `1,000.5`", "total > `1000.5`"),
        ('total > "100"', "total > `100`"),
        ('vip == "true"', "vip == `true`"),
        ("!total > `300`", "!(total > `300`)"),
        ("name != 'x' || name != 'y'", "name != 'x' && name != 'y'"),
    ],
)
def test_the_advised_expression_has_no_mistake(expression: str, meant: str) -> None:
    """However many mistakes an expression holds, each help leads to one without any."""
    problems = found(expression)
    assert problems
    for problem in problems:
        assert problem.help is not None
        assert problem.help.partition("; if ")[0].endswith(f"write {meant}")
    assert found(meant) == []


def test_all_paths_of_an_expression_are_corrected_at_once() -> None:
    expression = "payload.total > `100` && contains(payload.tags, 'x') || a == data.x"
    assert {rewrite_of(each) for each in found(expression)} == {
        "total > `100` && contains(tags, 'x') || a == x"
    }
    expression = "vip == 'true' || 'False' == a.b && total > '3'"
    assert {each.help for each in found(expression)} == {
        "write vip == `true` || `false` == a.b && total > `3`"
    }


@pytest.mark.parametrize(
    "expression",
    [
        "event == 'login' && payload.user.vip", "topic == 'orders' && payload.total > `3`",
        "id == 'x' && payload.kind == 'y'", "event == 'user.created' && data.email", "record.id == id",
        "data.total > limit", "event.type == 'message' && event.subtype == `null`",
        "flag == `true` || flag == 'true'", "'10' <= n || `10` <= n", "items[?x == 'true' || x == `true`]",
        "join(',', users.names)",
        "isbn > '978'", "release >= '10'", "ip >= '10'", "key < '5'", "hash < '8'",
        "payload", "data == 'x'", "event && x", "a.payload.x", "items[?payload.x]", "a | payload.x",
        "map(&data.x, items)", '"payload".x == `1`', "parcel.length > `3`", "dimensions.length > `3`",
        "address.length", "items.lengths", "kind == 'truth'", "total == '100'", "created_at >= '2024'",
        "version > '2.0'", "zip < '20000'", "state == `running`", 'state == `"x"`', "day > `2024-05-01`",
        "contains(`abc`, x)", "sum(stats.price) > `3`", "sum(items[*].price) > `3`",
        "max(settings.limits) > `1`",
        "sum(prices) > `3`", "length(items.name) > `3`", "'true' == 'true' || a",
    ],
)  # fmt: skip
def test_plausible_expressions_are_not_reported(expression: str) -> None:
    assert [each for each in found(expression) if each.code > "SR321"] == []


SCHEMA: Any = {
    "type": "object",
    "properties": {
        "payload": {"type": "object", "properties": {"total": {"type": "number"}}},
        "rooms": {"type": "object", "properties": {"length": {"type": "number"}, "price": {"type": "array"}}},
        "flag": {"enum": ["true", "false"]},
        "level": {"type": "string"},
        "vip": {"type": "boolean"},
        "total": {"type": "number"},
    },
}
OPEN = payload_type({"t": from_schema(SCHEMA)})
CLOSED = payload_type({"t": from_schema({**SCHEMA, "additionalProperties": False})})


@pytest.mark.parametrize("payload", [OPEN, CLOSED])
@pytest.mark.parametrize(
    "expression",
    [
        "payload.total > `3`", "rooms.length > `3`", "sum(rooms.price || `[]`) > `3`", "flag == 'true'",
        "level > '3'",
    ],
)  # fmt: skip
def test_fields_of_the_schema_are_not_reported(expression: str, payload: Type) -> None:
    assert found(expression, payload) == []


@pytest.mark.parametrize(
    ("expression", "codes"),
    [
        ("data.total > `3`", ["SR322"]),
        ("vip == 'true'", ["SR324"]),
        ("total > '3'", ["SR316"]),
        ("unknown == 'true'", ["SR324"]),
    ],
)
def test_misspelt_fields_of_an_open_schema_are_reported(expression: str, codes: list[str]) -> None:
    assert [each.code for each in found(expression, OPEN)] == codes


def test_a_field_of_the_envelope_is_a_string() -> None:
    assert found("is_test == 'true'", CLOSED) == []


def test_a_codec_of_strings_has_no_truth_values_and_one_of_fields_may_have_a_payload() -> None:
    texts, fields = PayloadTraits(has_types=False), PayloadTraits(has_envelope=False)
    assert found("vip == 'true' && total > '3'", traits=texts) == []
    assert found("payload.total > `3`", traits=fields) == []
    assert [each.code for each in found("vip == 'true'", traits=fields)] == ["SR324"]
    assert [each.code for each in found("payload.total > `3`", traits=texts)] == ["SR322"]


def test_literals_of_one_skeleton_are_distinguished() -> None:
    assert found("flag == 'gold'") == []
    assert [each.code for each in found("flag == 'true'")] == ["SR324"]
    assert found("amount > 'm'") == []
    assert [each.code for each in found("amount > '17'")] == ["SR324"]


def test_known_service_fields_are_kept_when_a_payload_name_is_removed() -> None:
    [problem] = found("payload.data.object.amount > `3`")
    assert (problem.code, rewrite_of(problem)) == ("SR322", "data.object.amount > `3`")


@pytest.mark.parametrize(
    ("expression", "offered"),
    [
        ('status == "open" && n > `1`', "status == 'open' && n > `1`"),
        ("tags.length > `1` && n", "length(tags) > `1` && n"),
        ("a == `[1,2` && n", "a == `[1,2]` && n"),
        ("n && paid == 'true' && n", "n && paid == `true` && n"),
    ],
)
def test_advice_for_a_short_expression_rewrites_all_of_it(expression: str, offered: str) -> None:
    [short] = check_types(parse(expression))
    [long] = check_types(parse(f"{expression} && {'x' * 80}"))
    assert (short.help, short.rewrites) == (f"write {offered}", True)
    assert long.help != f"write {offered} && {'x' * 80}"
    assert not long.rewrites
