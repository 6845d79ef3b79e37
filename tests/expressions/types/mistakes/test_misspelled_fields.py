"""A name is near a declared one only where it is surely a slip."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.expressions.syntax.parser import parse
from streamroute.expressions.types.algebra.from_json_schema import from_schema
from streamroute.expressions.types.algebra.json_types import Type
from streamroute.expressions.types.algebra.payload_type import payload_type
from streamroute.expressions.types.check import check_types
from streamroute.expressions.types.mistakes.misspelled_fields import misspelled_field

DECLARED = (
    "total", "country", "order", "currency", "customer", "nights", "created", "status", "orderId", "delivery",
    "address1", "line_items", "quantity", "price", "type", "tier", "note", "email", "reference", "id", "zip",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("totl", "total"), ("tota", "total"), ("toatl", "total"), ("Total", "total"), ("contry", "country"),
        ("countr", "country"), ("cuntry", "country"), ("ordr", "order"), ("orde", "order"),
        ("currancy", "currency"), ("custmer", "customer"), ("costumer", "customer"), ("nigths", "nights"),
        ("creatd", "created"), ("statsu", "status"), ("order_id", "orderId"), ("delivry", "delivery"),
        ("addres1", "address1"), ("lineItems", "line_items"), ("quanity", "quantity"), ("pric", "price"),
        ("emial", "email"), ("refrence", "reference"), ("referrence", "reference"),
    ],
)  # fmt: skip
def test_a_slip_is_near(name: str, meant: str) -> None:
    assert misspelled_field(name, DECLARED) == meant


@pytest.mark.parametrize(
    "name",
    [
        "orders", "customers", "currencies", "countries", "night", "statuses", "states", "prices", "tiers",
        "notes", "deliver", "delivered", "deliveries", "create", "creates", "creator", "county", "custom",
        "quality", "prize", "vote", "mail", "mode", "address2", "order_no", "typ", "ids", "zap", "tire",
        "types", "sender", "x" * 100,
    ],
)  # fmt: skip
def test_different_words_are_not_misspellings(name: str) -> None:
    assert misspelled_field(name, DECLARED) is None


ORDER: Any = {
    "type": "object",
    "properties": {
        "total": {"type": "number"},
        "order": {"type": "object", "properties": {"country": {"type": "string"}}},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "number"}}}},
    },
}


def payload_of(schema: Any, **others: Any) -> Type:
    return payload_type({"t": from_schema(schema), **others})


def found(expression: str, payload: Type | None) -> list[tuple[str, str, str | None]]:
    problems = check_types(parse(expression), payload)
    return [(each.code, expression[each.start : each.end], each.suggestion) for each in problems]


@pytest.mark.parametrize(
    ("expression", "name", "meant"),
    [
        ("totl > `3`", "totl", "total"),
        ("ordr.country == 'DE'", "ordr", "order"),
        ("order.contry == 'DE'", "contry", "country"),
        ("lines[?pric > `3`]", "pric", "price"),
        ("a && (tota || b)", "tota", "total"),
    ],
)
def test_a_near_miss_of_an_open_schema_is_a_warning(expression: str, name: str, meant: str) -> None:
    assert found(expression, payload_of(ORDER)) == [("SR327", name, meant)]


@pytest.mark.parametrize("name", ["totl", "tota", "ordr", "orde"])
def test_a_short_near_miss_of_a_closed_schema_is_an_error(name: str) -> None:
    [problem] = found(f"{name} == 'x'", payload_of({**ORDER, "additionalProperties": False}))
    assert problem[:2] == ("SR315", name)


def test_names_are_near_to_declared_ones_alone() -> None:
    assert found("total_of_a && total_of_b && total_of_bb == 'x'", payload_of(ORDER)) == []
    assert found("totl > `3`", None) == []
    assert found("totl > `3`", payload_of(ORDER, other=None)) == []
    both = payload_of(
        ORDER, other=from_schema({"type": "object", "properties": {"totl": {"type": "number"}}})
    )
    assert found("totl > `3` && total > `3`", both) == []


@pytest.mark.parametrize(
    "uncertainty",
    [{"allOf": [{"$ref": "other.json"}]}, {"if": {"required": ["x"]}, "then": {"properties": {"totl": {}}}}],
)
def test_a_schema_that_is_not_understood_may_have_the_name(uncertainty: Any) -> None:
    assert found("totl > `3`", payload_of({**ORDER, **uncertainty})) == []


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("stats", "status"), ("stats", "state"), ("order_stats", "order_status"), ("max_price", "min_price"),
        ("min_rate", "min_date"), ("shippingCounty", "shippingCountry"),
        ("http_status", "https_status"), ("created_by", "created_at"), ("from_city", "form_city"),
        ("fist", "first"), ("static", "status"), ("retail", "detail"), ("reply", "replay"),
        ("contacts", "contracts"), ("internal", "interval"), ("params", "param"),
    ],
)  # fmt: skip
def test_words_that_look_alike_are_not_near(name: str, declared: str) -> None:
    assert misspelled_field(name, [declared]) is None


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("billing_adress", "billing_address"), ("custmerName", "customerName"),
        ("recieved_at", "received_at"), ("isactve", "is_active"), ("max_prcie", "max_price"),
        ("payement", "payment"), ("lenght", "length"),
    ],
)  # fmt: skip
def test_one_misspelt_word_of_several_is_recognized(name: str, declared: str) -> None:
    assert misspelled_field(name, [declared]) == declared


@pytest.mark.parametrize("name", ["trace_id", "traceId"])
def test_a_usual_name_of_an_envelope_is_no_near_miss(name: str) -> None:
    schema = {"type": "object", "properties": {"trace_ids": {"type": "string"}}}
    assert found(f"{name} == 'x'", payload_of(schema)) == []
