"""What is wrong with a schema is what its metaschema says, which is asked for what is unusual alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from streamroute.config.messages.dialects import Dialect
from streamroute.config.messages.keywords import SCHEMA_LIST, SCHEMA_MAP, SINGLE_SCHEMA
from streamroute.config.messages.metaschema import schema_problems

_META = {
    Dialect.DRAFT_07: Draft7Validator(Draft7Validator.META_SCHEMA),
    Dialect.DRAFT_2020_12: Draft202012Validator(Draft202012Validator.META_SCHEMA),
}
_WORDS = sorted(
    {*SINGLE_SCHEMA, *SCHEMA_LIST, *SCHEMA_MAP, "type", "enum", "const", "required", "minimum", "maxLength"}
    | {"multipleOf", "pattern", "uniqueItems", "$id", "$ref", "$anchor", "$dynamicRef", "examples", "default"}
    | {"dependentRequired", "title", "deprecated", "$vocabulary", "format", "if", "unknown"}
)
_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats(-1, 2)
    | st.sampled_from(["string", "object", "a", "#a", "x#y", ""]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*_WORDS, "a", "b"]), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip
_SCHEMA = st.dictionaries(st.sampled_from(_WORDS), _VALUE, max_size=4)


@pytest.mark.parametrize("dialect", list(Dialect))
@given(schema=_SCHEMA)
def test_flaws_are_found_exactly_where_the_metaschema_is_broken(
    dialect: Dialect, schema: dict[str, Any]
) -> None:
    found = schema_problems(schema, dialect)
    assert (found == []) == _META[dialect].is_valid(schema)
    assert len({problem.path for problem in found}) == len(found)


@pytest.mark.parametrize("dialect", list(Dialect))
def test_a_usual_schema_needs_no_second_look(dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamroute.config.messages.metaschema._validator", None)
    usual = {
        "$schema": str(dialect),
        "$id": "https://example.com/a.json",
        "title": "A",
        "type": "object",
        "required": ["id"],
        "additionalProperties": False,
        "properties": {
            "id": {"type": ["string", "null"], "minLength": 1, "pattern": "^[a-z]"},
            "tags": {"type": "array", "items": {"enum": ["a", 1]}, "uniqueItems": True},
            "other": {"anyOf": [{"$ref": "#/definitions/x"}, True], "default": {}},
        },
        "definitions": {"x": {"const": 1, "multipleOf": 0.5}},
    }
    assert schema_problems(usual, dialect) == []


@pytest.mark.parametrize("dialect", list(Dialect))
def test_only_unusual_parts_of_a_large_schema_go_to_the_library(
    dialect: Dialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library takes a minute for a schema of a megabyte."""
    requests: list[Any] = []

    class Asked:
        def iter_errors(self, schema: Any) -> Any:
            requests.append(schema)
            return _META[dialect].iter_errors(schema)

    monkeypatch.setattr("streamroute.config.messages.metaschema._validator", lambda _dialect: Asked())
    large = {"properties": {str(number): {"type": "string"} for number in range(50_000)}}
    broken = {**large, "items": {"minimum": "1", "properties": {"a": large}}}
    assert [problem.path for problem in schema_problems(broken, dialect)] == [("items", "minimum")]
    assert requests == [{"minimum": "1", "properties": {"a": {}}}]


def test_only_the_first_of_many_schema_errors_are_reported() -> None:
    wrong = {"properties": {str(number): {"minimum": "1"} for number in range(5_000)}}
    assert len(schema_problems(wrong, Dialect.DRAFT_2020_12)) == 100
