"""Validation: the same verdict with jsonschema-rs and without it, and a reason without values."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, reject, settings
from hypothesis import strategies as st

from depth import examples
from streamroute.adapters.codecs.builtin import codec_named
from streamroute.compiler.api import compile_routes
from streamroute.compiler.checked_route import RuntimeContext
from streamroute.compiler.pipeline import check_path
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.compiler.validation.data_check import data_check
from streamroute.config.messages.catalog import MessageSchema
from streamroute.config.messages.dialects import Dialect
from streamroute.config.messages.metaschema import schema_problems
from streamroute.errors import CostlyDataError, Reject
from streamroute.message import Message


def schema(root: Any, dialect: Dialect = Dialect.DRAFT_2020_12) -> MessageSchema:
    return MessageSchema({"$schema": str(dialect), **root}, dialect)


def needs_the_fast_library() -> None:
    pytest.importorskip("jsonschema_rs", reason="jsonschema-rs is not installed")


_NUMBERS = st.integers(-3, 3) | st.sampled_from([0.1, 0.3, 0.5, 1.0, 19.99, 0.01, 2**53, 2**60, 1e30, -0.0])
_TEXT = st.sampled_from(["", "a", "ab", "a\n", "é", "\u0661", "1", "\u00a0", "-", "😀", "aa.b"])
_LEAF = st.none() | st.booleans() | _NUMBERS | _TEXT
_DATA = st.recursive(
    _LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
_PATTERNS = st.sampled_from(
    [
        "^a$",
        "a",
        r"^\d+$",
        r"^\w$",
        r"^\s",
        "^.$",
        "^[^a]",
        "(a|b)+",
        r"^\S\D$",
        "^[a-c]{1,2}$",
        r"\.",
        "[",
        r"^\x41",
    ]
)
_TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    named = st.dictionaries(st.sampled_from("abc"), inner, max_size=2)
    several = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": _TYPES | st.lists(_TYPES, min_size=1, max_size=2, unique=True),
            "enum": st.lists(_DATA, min_size=1, max_size=3),
            "const": _DATA,
            "multipleOf": _NUMBERS,
            "minimum": _NUMBERS,
            "exclusiveMaximum": _NUMBERS,
            "maxLength": st.integers(0, 2),
            "pattern": _PATTERNS,
            "properties": named,
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "additionalProperties": inner,
            "patternProperties": st.dictionaries(_PATTERNS, inner, max_size=1),
            "propertyNames": inner,
            "minProperties": st.integers(0, 2),
            "items": inner,
            "uniqueItems": st.booleans(),
            "contains": inner,
            "maxItems": st.integers(0, 2),
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "dependencies": named,
            "dependentRequired": st.just({"a": ["b"]}),
            "unevaluatedProperties": inner,
            "format": st.sampled_from(["email", "date-time"]),
            "$ref": st.just("#/$defs/a"),
        },
    )


_SCHEMA: st.SearchStrategy[Any] = st.recursive(st.booleans() | st.just({}), _schemas, max_leaves=4)


def without_hidden(value: Any) -> Any:
    """Without what draft-07 does not read beside a ``$ref``: the catalogue hands on none of it."""
    if isinstance(value, list):
        return [without_hidden(item) for item in value]
    if not isinstance(value, dict):
        return value
    words = {"$ref", "$defs"} if "$ref" in value else value.keys()
    return {word: without_hidden(item) for word, item in value.items() if word in words}


@pytest.mark.parametrize("dialect", list(Dialect))
@example(root={"$ref": "#/$defs/a", "type": "null"}, data=[""])
@settings(max_examples=examples(1))
@given(root=_schemas(_SCHEMA), data=st.lists(_DATA, min_size=1, max_size=4))
def test_both_libraries_give_the_same_verdict(
    dialect: Dialect, root: dict[str, Any], data: list[Any]
) -> None:
    needs_the_fast_library()
    whole = {**root, "$defs": {"a": {"type": "string"}}}
    if dialect is Dialect.DRAFT_07:
        whole = without_hidden(whole)
    assume(not schema_problems(whole, dialect))
    try:
        slow = data_check(schema(whole, dialect), fast=False)
    except Exception:  # noqa: BLE001 - a pattern that is refused in the check of the catalogue
        reject()
    fast = data_check(schema(whole, dialect))
    for value in data:
        assert fast(value) == slow(value)


@pytest.mark.parametrize(
    ("root", "data", "reason"),
    [
        ({"type": "object"}, [], "the data must be an object, not a list"),
        ({"required": ["a", "b"]}, {"b": 1}, 'the data lacks "a"'),
        (
            {"properties": {"guest": {"properties": {"tier": {"enum": ["gold", 1]}}}}},
            {"guest": {"tier": "s3cret"}},
            'guest.tier must be "gold" or 1',
        ),
        ({"properties": {"a": {"items": {"minimum": 3}}}}, {"a": [4, 2]}, "a[1] must be at least 3"),
        (
            {"additionalProperties": False, "properties": {"a": {}}},
            {"b": 1},
            'the data has the unexpected key "b"',
        ),
        (
            {"additionalProperties": False, "patternProperties": {"^x": {}}},
            {"b": 1, "x1": 1},
            "the data has the ",
        ),
        (
            {"properties": {"a": {"pattern": "^x"}}},
            {"a": "s3cret"},
            "a does not match the required pattern",
        ),
        ({"properties": {"a": {"const": 1}}}, {"a": True}, "a must be 1"),
        ({"properties": {"a": False}}, {"a": 1}, "a is not allowed"),
        ({"anyOf": [{"type": "string"}, {"required": ["x"]}]}, {}, 'the data lacks "x"'),
        ({"not": {}}, 1, "the data is not allowed"),
        ({"not": {"type": "integer"}}, 1, "the data is excluded by the schema"),
        ({"oneOf": [{}, True]}, 1, "the data matches several forms, of which only one may match"),
        ({"maxProperties": 0}, {"a": 1}, 'the data breaks "maxProperties": 0'),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, "the data must be a string, not a number"),
        ({"multipleOf": 0.01}, 0.005, "the data must be a multiple of 0.01"),
        (
            {"properties": {name: {"type": "null"} for name in "abcde"}},
            dict.fromkeys("edcba", 1),
            "a must be null, not a number; b must be null, not a number; c must be null, not a number (and",
        ),
    ],
)
def test_the_reason_has_path_and_problem_but_no_value(root: dict[str, Any], data: Any, reason: str) -> None:
    text = data_check(schema(root))(data)
    assert text is not None
    assert text.startswith(reason)
    assert "s3cret" not in text


def test_the_length_of_a_reason_is_bounded() -> None:
    """Keys of a megabyte, and more that is wrong than fits into memory."""
    strings = {"additionalProperties": {"type": "string"}}
    check = data_check(schema({"properties": {"a": strings, "b": {"items": {"type": "string"}}}}))
    text = check({"a": {"k" * 1_000_000 + str(n): n for n in range(5)}, "b": [1] * 200_000})
    assert text is not None
    assert len(text) < 1_000
    assert text.endswith(" (and more)")


@pytest.mark.parametrize("factor", [0.01, 0.1])
def test_multiples_are_those_of_the_numbers_as_they_are_written(factor: float) -> None:
    check = data_check(schema({"multipleOf": factor}), fast=False)
    assert [value for value in (0.3, 19.9, 1.1, 7) if check(value) is not None] == []


def test_data_that_is_nested_too_deep_is_invalid_and_does_not_raise() -> None:
    deep: Any = {}
    for _ in range(150):
        deep = {"a": deep}
    check = data_check(schema({"properties": {"a": {"$ref": "#"}}}), fast=False)
    assert check(deep) in (None, "the data is nested too deep to be validated")


def test_data_that_is_deep_is_no_less_valid_with_the_fast_library() -> None:
    needs_the_fast_library()
    deep: Any = 1
    for _ in range(5_000):
        deep = [deep]
    assert data_check(schema({"minimum": 1}), fast=True)(deep) is None


def test_without_the_fast_library_the_own_checks_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    check = data_check(schema({"type": "object"}))
    assert check({}) is None
    assert check(1) is not None


# What a route does with it.


ROUTES = """
version: 1
streams:
  s: {validate: true}
  t: {codec: fields}
messages:
  booking:
    schema:
      {type: object, required: [nights], additionalProperties: false, properties: {nights: {type: integer}}}
  free:
routes:
  - {name: r, type: ['*', other], stream: [s, t], handler: validated.f}
"""

Handle = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "validated.py").write_text("GOT = []\nasync def f(payload): GOT.append(dict(payload))\n")
    (tmp_path / "routes.yaml").write_text(ROUTES)
    with isolated_imports(tmp_path):
        yield tmp_path


async def test_a_compiled_route_validates_in_any_dispatcher(folder: Path) -> None:
    routers = compile_routes(folder)
    from validated import GOT  # type: ignore[import-not-found]  # the fixture has just written it

    [(handler, _)] = routers["s"][0].handlers["booking"]
    await handler({"type": "booking", "nights": 3}, None)
    with pytest.raises(Reject, match="the data is invalid: nights must be a whole number, not a string"):
        await handler({"type": "booking", "nights": "s3cret"}, None)
    await routers["s"][0].handlers["free"][0][0]({"type": "free", "x": 1}, None)
    await routers["s"][0].handlers["other"][0][0]({"type": "other"}, None)
    await routers["t"][0].handlers["booking"][0][0]({"type": "booking"}, None)
    assert GOT == [
        {"type": "booking", "nights": 3}, {"type": "free", "x": 1}, {"type": "other"}, {"type": "booking"},
    ]  # fmt: skip


async def test_too_costly_data_is_rejected_in_any_dispatcher(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def costly(*_: Any) -> bool:
        raise CostlyDataError

    [(handler, _)] = compile_routes(folder)["s"][0].handlers["booking"]
    monkeypatch.setattr("streamroute.compiler.validation.data_check.Budget", costly)
    with pytest.raises(Reject, match=r"^the data is too costly to validate"):
        await handler({"type": "booking", "nights": "3"}, None)


async def test_the_envelope_of_a_decoded_message_is_not_validated(folder: Path) -> None:
    [(handler, _)] = compile_routes(folder)["s"][0].handlers["booking"]
    fields = {b"type": b"booking", b"data": b'{"nights": 1}', b"source": b"web"}
    await handler(Message(codec_named("json").decode(fields), fields=fields), None)
    with pytest.raises(Reject, match='unexpected key "source"'):
        await handler({"type": "booking", "nights": 1, "source": "web"}, None)


async def test_a_route_does_not_repeat_the_storages_validation(folder: Path) -> None:
    compiled = check_path(folder).compiled
    assert compiled is not None
    [router] = compiled.routers_in(RuntimeContext(validated=True))["s"]
    await router.handlers["booking"][0][0]({"type": "booking", "nights": "3"}, None)


def test_only_types_of_routes_of_a_validated_stream_are_validated(folder: Path) -> None:
    compiled = check_path(folder).compiled
    assert compiled is not None
    assert list(compiled.checks("s")) == ["booking"]
    assert compiled.checks("t") == {}
