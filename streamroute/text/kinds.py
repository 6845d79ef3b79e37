"""Kinds of JSON values, and their names in messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, Literal

from streamroute.text.safe_text import type_name

Kind = Literal["null", "boolean", "number", "string", "array", "object", "expref"]
KINDS: Final[tuple[Kind, ...]] = ("null", "boolean", "number", "string", "array", "object", "expref")

SINGULAR: Final[Mapping[str, str]] = {
    "null": "null",
    "boolean": "a boolean",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "an object",
    "expref": "an &expression",
}
PLURAL: Final[Mapping[str, str]] = {
    "null": "null",
    "boolean": "booleans",
    "number": "numbers",
    "string": "strings",
    "array": "lists",
    "object": "objects",
    "expref": "&expressions",
}

JSON_TYPES: Final[Mapping[str, str]] = {**SINGULAR, "boolean": "true or false", "integer": "a whole number"}
"""The types of JSON Schema, for the author of a message."""
YAML_TYPES: Final[Mapping[str, str]] = {**JSON_TYPES, "object": "a mapping", "null": "empty"}
"""The types of JSON Schema, for the author of a configuration."""

_KIND_OF_CLASS: Final[dict[type, Kind]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def kind_of(value: Any) -> Kind | None:
    """The kind of a value by its class; None for an object that JSON does not have."""
    return next((_KIND_OF_CLASS[base] for base in type(value).__mro__ if base in _KIND_OF_CLASS), None)


def describe_kind(value: Any) -> str:
    """Return the kind of a value for a message, without the value itself unless it is a constant of JSON."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float) and not isfinite(value):
        return "a number that JSON does not have"
    kind = "array" if type(value) is tuple else _KIND_OF_CLASS.get(type(value))
    return SINGULAR[kind] if kind else f"of the Python type {type_name(value)}"
