"""The kinds of values and their names."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.message import Message
from streamroute.text.kinds import JSON_TYPES, KINDS, PLURAL, SINGULAR, YAML_TYPES, describe_kind, kind_of


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "null"), (True, "boolean"), (0, "number"), (1.5, "number"), ("", "string"), ([], "array"),
        ({}, "object"), (Message({}), "object"), (object(), None), (b"", None),
    ],
)  # fmt: skip
def test_a_value_has_the_kind_of_its_class(value: Any, kind: str | None) -> None:
    assert kind_of(value) == kind


def test_each_kind_has_a_singular_and_a_plural() -> None:
    assert set(KINDS) == set(SINGULAR) == set(PLURAL)


def test_each_schema_type_has_its_labels() -> None:
    types = {"null", "boolean", "integer", "number", "string", "array", "object"}
    assert types <= set(JSON_TYPES)
    assert types <= set(YAML_TYPES)
    assert (JSON_TYPES["object"], YAML_TYPES["object"]) == ("an object", "a mapping")
    assert (JSON_TYPES["null"], YAML_TYPES["null"]) == ("null", "empty")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"), (True, "true"), (False, "false"), (0, "a number"), (1.5, "a number"),
        ("secret", "a string"), ([], "a list"), ((1,), "a list"), ({}, "an object"),
        (b"", "of the Python type bytes"), (float("nan"), "a number that JSON does not have"),
        (Message({}), "of the Python type Message"),
    ],
)  # fmt: skip
def test_a_value_is_described_by_its_kind(value: Any, words: str) -> None:
    assert describe_kind(value) == words
