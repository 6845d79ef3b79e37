"""The checks of schemas: the verdicts of the jsonschema library, and reasons for whatever it finds."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from streamroute.compiler.validation.budget import Budget
from streamroute.compiler.validation.building import SchemaChecks
from streamroute.compiler.validation.data_check import data_check
from streamroute.compiler.validation.problems import DataProblemFinder
from streamroute.config.messages.catalog import MessageSchema
from streamroute.config.messages.dialects import Dialect

_LIBRARY = {Dialect.DRAFT_07: Draft7Validator, Dialect.DRAFT_2020_12: Draft202012Validator}
_LEAF = st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["", "a", "ab", "b1", 0.5, 1.0])
_DATA = st.recursive(
    _LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
_TYPES = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
_COUNT = st.integers(0, 3)
_PATTERN = st.sampled_from(["^a", "b", "^[a-c]$", ""])


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    named = st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    names = st.lists(st.sampled_from("abc"), max_size=2, unique=True)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": _TYPES | st.lists(_TYPES, min_size=1, max_size=2, unique=True),
            "enum": st.lists(_DATA, max_size=3),
            "const": _DATA,
            **{
                f"{end}{what}": _COUNT for end in ("min", "max") for what in ("Items", "Length", "Properties")
            },
            **{f"{end}Contains": _COUNT for end in ("min", "max")},
            **{word: st.integers(-2, 3) for word in ("minimum", "exclusiveMinimum", "exclusiveMaximum")},
            "multipleOf": st.integers(1, 3),
            "pattern": _PATTERN,
            "patternProperties": st.dictionaries(_PATTERN, inner, max_size=2),
            "required": names,
            "uniqueItems": st.booleans(),
            **dict.fromkeys(("properties", "dependentSchemas"), named),
            "dependentRequired": st.dictionaries(st.sampled_from("abc"), names, max_size=2),
            "dependencies": st.dictionaries(st.sampled_from("abc"), inner | names, max_size=2),
            **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), several),
            **dict.fromkeys(("items", "contains", "not", "if", "then", "else", "propertyNames"), inner),
            **dict.fromkeys(("additionalProperties", "unevaluatedItems", "unevaluatedProperties"), inner),
            "$ref": st.just("#/$defs/a"),
        },
    )


_SCHEMA: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.just({}) | _schemas(st.booleans()), _schemas, max_leaves=5
)


@pytest.mark.parametrize("dialect", list(Dialect))
@given(root=_schemas(_SCHEMA), target=_SCHEMA, data=st.lists(_DATA, min_size=1, max_size=5))
def test_the_verdict_is_that_of_the_library_and_what_is_invalid_has_a_problem(
    dialect: Dialect, root: dict[str, Any], target: Any, data: list[Any]
) -> None:
    if dialect is Dialect.DRAFT_07:
        root = _bundled(root)
    if "$ref" in str(target):
        target = True
    whole = {**root, "$defs": {"a": target}}
    checks, library = SchemaChecks(whole, dialect), _LIBRARY[dialect](whole)
    for value in data:
        fits = checks.fits(whole, value, Budget(value))
        assert fits is library.is_valid(value)
        assert (next(DataProblemFinder(checks, value).problems(), None) is None) is fits


def _bundled(schema: Any) -> Any:
    """In draft-07 a bundle holds nothing beside a reference."""
    if isinstance(schema, list):
        return [_bundled(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return {"$ref": schema["$ref"]}
    return {word: _bundled(part) for word, part in schema.items()}


def check(root: dict[str, Any], data: Any, dialect: Dialect = Dialect.DRAFT_2020_12) -> str | None:
    return data_check(MessageSchema({"$schema": str(dialect), **root}, dialect))(data)


@pytest.mark.parametrize("fast", [True, False], ids=["with-jsonschema-rs", "without"])
@pytest.mark.parametrize(
    ("root", "data", "message"),
    [
        ({"enum": []}, 1, "the data must be one of an empty list of values"),
        ({"properties": {"a": {"enum": []}}}, {"a": None}, "a must be one of an empty list of values"),
        ({"multipleOf": 0.1}, float("inf"), None),
        ({"type": "number"}, float("nan"), "the data must be a number, not a number that JSON"),
        ({"multipleOf": 1e-300}, 1e300, None),
        ({"type": "integer"}, float("inf"), "the data must be a whole number, not a number that JSON"),
        ({"type": "integer"}, 1e308, None),
        ({"type": "array"}, (1, 2), None),
        ({"type": "number"}, Decimal("1.5"), None),
        ({"type": "string"}, b"x", "the data must be a string, not of the Python type bytes"),
        ({"properties": {"a": False}}, {1: 2, "a": 3}, "a is not allowed"),
        ({"patternProperties": {"": {}}, "additionalProperties": False}, {1: 2}, "the data has the "),
        ({"const": "\ud83d"}, "\ud83d", None),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, 'the data breaks "dependentR'),
        ({"unevaluatedProperties": False}, {"a": 1}, 'the data breaks "unevaluatedProperties": false'),
        ({"minContains": 2, "contains": {}}, [1], 'the data breaks "contains": {}'),
    ],
)  # fmt: skip
def test_any_data_has_a_verdict_and_a_true_reason(
    root: dict[str, Any], data: Any, message: str | None, fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not fast:
        monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    found = check(root, data)
    assert found == message or (found and message and found.startswith(message))


@pytest.mark.parametrize("fast", [True, False], ids=["with-jsonschema-rs", "without"])
def test_additional_items_without_a_list_of_items_mean_nothing(
    fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not fast:
        monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    for items in (True, {}, {"type": "integer"}):
        root = {"items": items, "additionalItems": False}
        assert check(root, [1, 2], Dialect.DRAFT_07) is None
    assert check({"items": [True], "additionalItems": False}, [1, 2], Dialect.DRAFT_07) is not None
    assert check({"items": True, "additionalItems": False}, {}, Dialect.DRAFT_07) is None


@pytest.mark.parametrize(
    "part", [{"pattern": 5}, {"type": "bogus"}, {"patternProperties": 1, "pattern": "("}]
)
def test_keywords_unknown_to_a_dialect_may_have_any_value(part: Any) -> None:
    root = {"unevaluatedItems": part, "$defs": {"a": part}, "contentSchema": part, "type": "array"}
    assert check(root, [1], Dialect.DRAFT_07) is None
    assert check(root, 1, Dialect.DRAFT_07) == "the data must be a list, not a number"
