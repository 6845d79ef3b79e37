"""The published schemas, of routes.yaml and of its tests, in the form that data is checked against."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from streamroute.errors import SetupError

ROUTES: Final = "routes.schema.json"
TESTS: Final = "tests.schema.json"
ROOT_ONLY: Final = ("redis", "container", "defaults", "streams", "handlers")
"""The keys that a root file alone may hold."""

LISTS: Final = {ROUTES: "routes", TESTS: "tests"}
"""Schema -> the key of the list that most of such a file is."""

_VARIABLE: Final = {"$ref": "#/$defs/variable"}


def schema_text(name: str = ROUTES) -> str:
    """A schema as editors get it."""
    try:
        return (Path(__file__).parents[1] / "schemas" / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SetupError(
            f"{name} is missing from the installation of streamroute; install it again"
        ) from None


@cache
def checked_schema(name: str = ROUTES) -> dict[str, Any]:
    """A schema for data whose variables have been replaced: the published one less its variables.

    Its patterns end with ``\\Z``: in JSON Schema ``$`` is the end of the text, in Python also the place
    before a last line break.
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
    """What a ``$ref`` into the ``$defs`` of the schema of routes stands for; the other has none."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Mapping[str, Any] = checked_schema()["$defs"][str(reference).removeprefix("#/$defs/")]
    return found


def schema_at(path: Sequence[str | int], name: str = ROUTES) -> Mapping[str, Any]:
    """The part of a schema that a value is checked against; empty where anything may stand."""
    here: Mapping[str, Any] = checked_schema(name)
    for step in path:
        here = resolve(_below(here, step))
    return here


def _below(schema: Mapping[str, Any], step: str | int) -> Mapping[str, Any]:
    if isinstance(step, int):
        below = schema.get("items")
    else:
        below = schema.get("properties", {}).get(step) or schema.get("additionalProperties")
    return below if isinstance(below, dict) else {}


def types_of(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The JSON types that a schema names; none where it takes any."""
    types = schema.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)
