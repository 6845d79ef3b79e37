"""What a configuration shows of its messages keeps a finding back, or makes it sure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamroute.compiler.pipeline import check_path
from streamroute.config.findings.finding import Finding
from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.types.mistakes.evidence import Evidence

ROOT = """
version: 1
streams: {events: {group: g}}
messages: {paid: {%s}}
routes:
"""
TEST = "version: 1\ntests:\n  - {name: t, message: %s, routes: []}\n"


def found(folder: Path, *filters: str, message: str = "", schema: str = "") -> list[Finding]:
    """What check says of the first filter, beside routes with the others and a test with a message."""
    path = folder / "routes.yaml"
    text = ROOT % schema
    for at, expression in enumerate(filters):
        quoted = expression.replace('"', '\\"')
        text += f'  - {{name: r{at}, type: paid, handler: streamroute.handlers.log, filter: "{quoted}"}}\n'
    path.write_text(text)
    if message:
        (folder / "routes.test.yaml").write_text(TEST % message)
    findings = check_path(path, env={}, unset="info", imports=False, tests=True).findings
    line = 1 + text[: text.index("name: r0")].count("\n")
    return [
        each
        for each in findings
        if each.file.endswith("routes.yaml") and each.span.line == line and "SR3" < each.code < "SR4"
    ]


def codes(findings: list[Finding]) -> list[str]:
    return [each.code for each in findings]


@pytest.mark.parametrize(
    ("expression", "others"),
    [
        ("payload.total > `3`", ["payload != `null`"]),
        ("payload.total > `3`", ["keys(payload)[0] == 'x'"]),
        ("payload.total > `3`", ["@.payload || x"]),
        ("@.payload.total > `3`", ["payload && x"]),
        ("data.x == 'y'", ["data && vip"]),
        ("data.x == 'y'", ["data[0] == 'x'"]),
        ("event.type == 'x'", ["event == 'started'"]),
        ("message.x == 'y'", ["contains(message, 'x')"]),
        ("event.type == 'x' && payload.kind == 'y'", ["event && payload"]),
    ],
)
def test_a_name_that_another_route_reads_as_a_whole_is_a_field(
    expression: str, others: list[str], tmp_path: Path
) -> None:
    assert set(codes(found(tmp_path, expression))) == {"SR322"}
    assert found(tmp_path, expression, *others) == []


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("data.x == 'y'", "{type: paid, data: {x: y}}"),
        ("event.type == 'x'", "{type: paid, event: {}}"),
        ("payload.total > `3`", "{type: other, payload: {total: 3}}"),
        ("payload == 'x'", "{type: paid, payload: x}"),
        ("vip == 'true'", "{type: paid, vip: 'false'}"),
        ("guest.vip == 'true'", "{type: paid, guest: {vip: 'yes'}}"),
        ("total > '100'", "{type: paid, total: '12'}"),
        ("items[?price > '100']", "{type: paid, items: [{price: '12'}]}"),
        ("tier == ['gold', 'silver']", "{type: paid, tier: [gold]}"),
        ("tier == gold", "{type: paid, gold: x}"),
    ],
)
def test_fields_of_test_messages_are_known(expression: str, message: str, tmp_path: Path) -> None:
    assert len(found(tmp_path, expression)) == 1
    assert found(tmp_path, expression, message=message) == []


def test_fields_of_any_messages_schema_are_known(tmp_path: Path) -> None:
    schema = "schema: {type: object, properties: {payload: {type: object}}}"
    assert found(tmp_path, "payload.total > `3`", schema=schema) == []
    examples = "schema: {type: object, examples: [{data: {x: 1}}]}"
    assert found(tmp_path, "data.x == `1`", schema=examples) == []


@pytest.mark.parametrize(
    "expression",
    [
        "data.object.amount > `100`", "data.object.status == 'paid' && live", "data.attributes.name == 'x'",
        "payload.after.id", "message.chat.id == `3`", "message.text && starts_with(message.text, '/')",
        "data.total > `3` && currency == 'EUR'", "event.kind == 'x' && repo.name == 'y'",
    ],
)  # fmt: skip
def test_fields_of_well_known_services_and_beside_others_are_left_alone(
    expression: str, tmp_path: Path
) -> None:
    assert found(tmp_path, expression) == []


def test_advice_on_a_negation_holds_no_other_mistake(tmp_path: Path) -> None:
    [finding] = found(tmp_path, "!payload.vip")
    assert (finding.code, finding.help) == ("SR307", "write !(vip)")


def test_fields_after_a_payload_name_are_not_reported_again(tmp_path: Path) -> None:
    schema = "schema: {type: object, additionalProperties: false, properties: {items: {type: array}}}"
    [finding] = found(tmp_path, "data.items[0].price > `3`", schema=schema)
    assert finding.code == "SR322"


def test_the_help_explains_how_to_declare_the_field(tmp_path: Path) -> None:
    [finding] = found(tmp_path, "data.x == 'y'")
    assert finding.help == "write x == 'y'; if messages have a field \"data\", declare it in their schema"
    schema = "schema: {type: object, properties: {data: {type: object}}}"
    assert found(tmp_path, "data.x == 'y'", schema=schema) == []


@pytest.mark.parametrize(
    "name", ["payload", "body", "value", "ctx", "context", "request", "row", "item", "detail", "doc", "json"]
)
def test_a_name_before_a_declared_field_is_one_for_the_message(name: str, tmp_path: Path) -> None:
    schema = "schema: {type: object, additionalProperties: %s, properties: {total: {type: number}}}"
    [finding] = found(tmp_path, f"{name}.total > `3`", schema=schema % "true")
    assert finding.code == "SR322"
    [finding] = found(tmp_path, f"{name}.total > `3`", schema=schema % "false")
    assert finding.code == "SR315"
    assert str(finding.help).startswith("write total > `3`")


TEXTS = [
    ("flag == 'true'", ["flag == 'unknown'"]),
    ("flag == 'true' || flag == 'false' || flag == 'both'", []),
    ("flag == 'true' || contains(['maybe', 'no'], flag)", []),
    ("size > '100'", ["size == 'XL'"]),
    ("flag == 'true' && starts_with(flag, 't')", []),
]


@pytest.mark.parametrize(("expression", "others"), TEXTS)
def test_a_field_compared_with_other_strings_is_no_finding(
    expression: str, others: list[str], tmp_path: Path
) -> None:
    assert found(tmp_path, expression, *others) == []


def test_both_truth_values_in_quotes_are_mended_together(tmp_path: Path) -> None:
    findings = found(tmp_path, "vip == 'true' && a || vip == 'false' && b")
    assert codes(findings) == ["SR324", "SR324"]
    assert {each.help for each in findings} == {"write vip == `true` && a || vip == `false` && b"}


@pytest.mark.parametrize(
    ("expression", "message", "schema"),
    [
        ("stats.count > `3`", "", "status: {type: string}"),
        ("contry == 'DE'", "{type: paid, contry: DE}", "country: {type: string}"),
    ],
)
def test_a_declared_name_is_no_near_miss(expression: str, message: str, schema: str, tmp_path: Path) -> None:
    schema = f"schema: {{type: object, properties: {{{schema}}}}}"
    assert found(tmp_path, expression, message=message, schema=schema) == []


LISTS = [
    ("plan == ['a', 'b']", [], ""),
    ("label == ['a', 'b']", ["label == 'c'"], ""),
    ("nights == [`1`, `2`]", ["nights > `3`"], ""),
    ('x.y == `["a"]`', [], "{type: paid, x: {y: b}}"),
]


@pytest.mark.parametrize(("expression", "others", "message"), LISTS)
def test_a_list_beside_what_is_one_value_is_a_warning(
    expression: str, others: list[str], message: str, tmp_path: Path
) -> None:
    [finding] = found(tmp_path, expression, *others, message=message)
    assert finding.code == "SR330"
    assert str(finding.help).startswith("write contains([")


@pytest.mark.parametrize(
    "expression",
    [
        "label == ['a', 'b']", "tags == ['a', 'b']", "range == [`1`, `2`]", "tiers == ['a']",
        "tier == [a, b]", "[a, b] == [`1`, `2`]", "tags[*].x == ['a']", "tier == `[]`", "a == `{}`",
    ],
)  # fmt: skip
def test_a_list_beside_what_may_be_one_is_left_alone(expression: str, tmp_path: Path) -> None:
    assert [each for each in codes(found(tmp_path, expression)) if each == "SR330"] == []


SCHEMA = (
    "schema: {type: object, properties: {nights: {type: integer}, vip: {type: boolean}, "
    "tier: {type: string}, tags: {type: array}, zip: {type: [string, integer]}, "
    "coupon: {type: [string, 'null']}}}"
)


@pytest.mark.parametrize(
    ("expression", "meant"),
    [
        ("nights == '3'", "nights == `3`"),
        ("nights != '3'", "nights != `3`"),
        ("'3' == nights || vip", "nights == `3` || vip"),
        ("nights == 'x'", None),
        ("vip == 'yes'", "vip == `true`"),
        ("vip == `0`", "vip == `false`"),
        ("tier == `3`", "tier == '3'"),
        ("tier == `true`", None),
        ("tier == ['gold']", "contains(['gold'], tier)"),
        ("tier != ['a', 'b']", "!contains(['a', 'b'], tier)"),
        ('coupon == `["a"]`', "contains(['a'], coupon)"),
        ("tags == 'x'", "contains(tags, 'x')"),
    ],
)
def test_a_value_of_a_kind_that_the_schema_does_not_allow_is_a_warning(
    expression: str, meant: str | None, tmp_path: Path
) -> None:
    [finding] = found(tmp_path, expression, schema=SCHEMA)
    assert finding.code == "SR330"
    assert finding.help == (None if meant is None else f"write {meant}")


@pytest.mark.parametrize(
    "expression",
    [
        "nights == `3`", "nights == `null`", "zip == '3' || zip == `3`", "coupon == `null`", "tags == ['x']",
        "tier == vip", "other == `3`", "nights == `3.0`", "tags == `[]`",
    ],
)  # fmt: skip
def test_a_value_of_an_allowed_kind_is_left_alone(expression: str, tmp_path: Path) -> None:
    assert found(tmp_path, expression, schema=SCHEMA) == []


@pytest.mark.parametrize(
    ("expression", "others", "meant"),
    [
        ("tier == gold", [], "tier == 'gold'"),
        ("guest.tier != gold && vip", [], "guest.tier != 'gold' && vip"),
        ("gold == tier", [], "'gold' == tier"),
        ("status == cancelled", [], "status == 'cancelled'"),
        ("kind == foo || kind == bar", [], "kind == 'foo' || kind == 'bar'"),
        ("country == DE", [], "country == 'DE'"),
        ("where == there", ["x == 'there'"], "where == 'there'"),
        ("category == toys", ["category == 'books'"], "category == 'toys'"),
        ("contains([gold, silver], tier)", [], "contains(['gold', 'silver'], tier)"),
        ("starts_with(tier, gold)", [], "starts_with(tier, 'gold')"),
        ("tier == Gold", [], "tier == 'Gold'"),
        ("type(a) == string && type(b) == int", [], "type(a) == 'string' && type(b) == 'number'"),
    ],
)
def test_a_text_without_its_quotes_is_a_warning(
    expression: str, others: list[str], meant: str, tmp_path: Path
) -> None:
    findings = found(tmp_path, expression, *others)
    assert set(codes(findings)) == {"SR312"}
    assert {each.help for each in findings} == {f"write {meant}"}


@pytest.mark.parametrize(
    ("expression", "others"),
    [
        ("a == b", []),
        ("home == away", []),
        ("billing.country == shipping.country", []),
        ("country == billing_country", []),
        ("tier == previous_tier", []),
        ("status == state", []),
        ("a == 'x' && a == b", []),
        ("price == min_price || price == max_price", []),
        ("total == paid", []),
        ("created == updated", []),
        ("tier == gold", ["gold && x"]),
        ("tier == gold", ["length(gold) > `3`"]),
        ("STATUS == OLD_STATUS", []),
        ("contains([a, b], c)", []),
        ("items[?sku == parent_sku]", []),
        ("type == kind", []),
        ("state == desired", ["state == 'on'"]),
        ("color != background", ["color == 'red'"]),
        ("status == previous", ["status == 'open'"]),
        ("status == prior && vip", ["status == 'open'"]),
        ("size == used && size == total", []),
        ("country == residence && country == citizenship", []),
    ],
)
def test_two_fields_may_be_compared(expression: str, others: list[str], tmp_path: Path) -> None:
    assert found(tmp_path, expression, *others) == []


def test_the_evidence_is_bounded() -> None:
    message: dict[str, Any] = {f"x{at}": {"y": at} for at in range(200_000)}
    evidence = Evidence([parse("payload && x")], [message])
    assert len(evidence.message_values) < 200_000


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("max(scores.best) > `5`", "{type: paid, scores: {best: [1, 7]}}"),
        ("pages.length > `3`", "{type: paid, pages: {length: 12}}"),
    ],
)
def test_fields_below_list_names_in_messages_are_known(tmp_path: Path, expression: str, message: str) -> None:
    assert len(found(tmp_path, expression)) == 1
    assert found(tmp_path, expression, message=message) == []


def test_a_phone_number_in_backticks_is_advised_to_be_a_string(tmp_path: Path) -> None:
    [problem] = found(tmp_path, "phone == `+4930123456`")
    assert (problem.code, problem.help) == ("SR325", "write phone == '+4930123456'")


@pytest.mark.parametrize("required", ["", ", required: [tier]"])
def test_swapped_arguments_are_advised_where_the_schema_finds_them_too(tmp_path: Path, required: str) -> None:
    schema = f"schema: {{type: object, properties: {{tier: {{type: string}}}}{required}}}"
    [finding] = found(tmp_path, "contains(tier, ['gold', 'tin'])", schema=schema)
    assert finding.help == "write contains(['gold', 'tin'], tier)"
