"""Kinds of JSON values, and their names in messages."""

from __future__ import annotations

from typing import Any, Final, Literal

Kind = Literal["null", "boolean", "number", "string", "array", "object", "expref"]
KINDS: Final[tuple[Kind, ...]] = ("null", "boolean", "number", "string", "array", "object", "expref")

SINGULAR: Final[dict[Kind, str]] = {
    "null": "null",
    "boolean": "a boolean",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "an object",
    "expref": "an &expression",
}
PLURAL: Final[dict[Kind, str]] = {
    "null": "null",
    "boolean": "booleans",
    "number": "numbers",
    "string": "strings",
    "array": "lists",
    "object": "objects",
    "expref": "&expressions",
}

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
