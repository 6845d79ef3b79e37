"""The published schemas of routes.yaml and of its tests, prepared for validation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from streamroute.errors import SetupError

ROUTES: Final = "routes.schema.json"
TESTS: Final = "tests.schema.json"
ROOT_ONLY: Final = ("redis", "container", "defaults", "streams", "handlers", "redact")
"""The keys that are allowed only in a root file."""

LISTS: Final = {ROUTES: "routes", TESTS: "tests"}
"""Schema -> the key of the file's main list."""

_VARIABLE: Final = {"$ref": "#/$defs/variable"}


def schema_text(name: str = ROUTES) -> str:
    """Return the text of a schema, as published for editors."""
    try:
        return (Path(__file__).parents[1] / "schemas" / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SetupError(
            f"{name} is missing from the installation of streamroute; install it again"
        ) from None


@cache
def checked_schema(name: str = ROUTES) -> dict[str, Any]:
    """Return the schema for data after variable replacement: the published one without variables.

    Its patterns end with ``\\Z``: in JSON Schema ``$`` matches only the end of the text, in Python also
    before a trailing line break.
    """
    schema: dict[str, Any] = _prepare(json.loads(schema_text(name)))
    return schema


def _prepare(node: Any) -> Any:
    if isinstance(node, list):
        return [_prepare(item) for item in node]
    if not isinstance(node, dict):
        return node
    choices = node.get("anyOf")
    if isinstance(choices, list) and choices[-1] == _VARIABLE:
        node = {key: value for key, value in node.items() if key != "anyOf"} | choices[0]
    return {key: _end_of_text(value) if key == "pattern" else _prepare(value) for key, value in node.items()}


def _end_of_text(pattern: Any) -> Any:
    if isinstance(pattern, str) and pattern.endswith("$"):
        return f"{pattern[:-1]}\\Z"
    return pattern


def resolve(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Resolve a ``$ref`` into the ``$defs`` of the routes schema; the tests schema has no ``$ref``."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    definition: Mapping[str, Any] = checked_schema()["$defs"][str(reference).removeprefix("#/$defs/")]
    return definition


def schema_at(path: Sequence[str | int], name: str = ROUTES) -> Mapping[str, Any]:
    """Return the part of a schema for the value at ``path``; empty if any value is allowed."""
    schema: Mapping[str, Any] = checked_schema(name)
    for step in path:
        schema = resolve(_below(schema, step))
    return schema


def _below(schema: Mapping[str, Any], step: str | int) -> Mapping[str, Any]:
    if isinstance(step, int):
        below = schema.get("items")
    else:
        below = schema.get("properties", {}).get(step) or schema.get("additionalProperties")
    return below if isinstance(below, dict) else {}


def types_of(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the JSON types that a schema allows; empty if it allows any."""
    types = schema.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)
