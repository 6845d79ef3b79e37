"""Describes the type of a key in words, from its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamroute.docs.build.markdown import code

_DURATION: Final = "(ms|s|m|h|d)"
_WORDS: Final = {
    "string": "string",
    "integer": "whole number",
    "number": "number",
    "boolean": "boolean",
    "object": "mapping",
    "array": "list",
}


def type_in_words(schema: Mapping[str, Any]) -> str:
    """Return what a key accepts, as Markdown; a variable of the environment is not mentioned."""
    choices = [each for each in schema.get("anyOf", ()) if "$ref" not in each]
    if choices:
        return " or ".join(map(type_in_words, choices))
    if "const" in schema:
        return code(str(schema["const"]))
    if "enum" in schema:
        return " or ".join(code(str(each)) for each in schema["enum"])
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    return " or ".join(_one_type(each, schema) for each in types if each != "null")


def _one_type(name: str, schema: Mapping[str, Any]) -> str:
    if name == "array":
        return f"list of {_plural(schema.get('items', {}))}"
    if name in {"integer", "number"} and "minimum" in schema and "maximum" in schema:
        return f"{_WORDS[name]} from {schema['minimum']:,} to {schema['maximum']:,}"
    pattern = schema.get("pattern", "")
    if name == "string" and pattern.endswith("%$"):
        return "percentage"
    if name == "string" and _DURATION in pattern:
        return "`acked` or duration" if "acked" in pattern else "duration"
    if name == "string" and "dotted path" in schema.get("patternErrorMessage", ""):
        return "dotted path" if "json" not in pattern else "name of a codec or dotted path"
    return _WORDS[name]


def _plural(items: Mapping[str, Any]) -> str:
    return "mappings" if "$ref" in items or items.get("type") == "object" else "strings"
