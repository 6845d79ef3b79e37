"""Quickly check whether data is valid under the configuration's own schema.

The schema is compiled to functions once. Only the keywords that the schema uses are supported; compiling
others raises ValueError. Data that fails goes to the jsonschema library, which decides and explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from math import isfinite
from typing import Any, Final

from streamroute.config.json_schema import LISTS, ROUTES, checked_schema, resolve, schema_at, types_of

Check = Callable[[Any], bool]
_Maker = Callable[[Mapping[str, Any]], Check]

ANNOTATIONS: Final = frozenset(
    {
        "$schema",
        "$id",
        "$defs",
        "title",
        "description",
        "default",
        "examples",
        "defaultSnippets",
        "patternErrorMessage",
    }
)


def is_integer(value: Any) -> bool:
    """Whether ``value`` is an integer in JSON Schema: 1.0 is, true is not."""
    return type(value) is int or (type(value) is float and value.is_integer())


def is_number(value: Any) -> bool:
    """Whether ``value`` is a number in JSON, which has neither .nan nor .inf."""
    return type(value) is int or (type(value) is float and isfinite(value))


_TYPES: Final[dict[str, Check]] = {
    "string": lambda value: type(value) is str,
    "object": lambda value: type(value) is dict,
    "array": lambda value: type(value) is list,
    "boolean": lambda value: type(value) is bool,
    "null": lambda value: value is None,
    "integer": is_integer,
    "number": is_number,
}


@cache
def document_validator(schema: str = ROUTES) -> Check:
    """Return the check of a whole file."""
    return compile_schema(checked_schema(schema))


@cache
def item_validator(schema: str = ROUTES) -> Check:
    """Return the check of one item of a file's main list, such as a route."""
    return compile_schema(schema_at((LISTS[schema], 0), schema))


def compile_schema(schema: Mapping[str, Any]) -> Check:
    """Compile a schema to a check; raises ValueError for an unsupported keyword."""
    schema = resolve(schema)
    unknown = schema.keys() - _KEYWORDS - ANNOTATIONS
    if unknown:
        raise ValueError(f"the schema uses keywords that the quick check does not know: {sorted(unknown)}")
    return _all([make(schema) for keywords, make in _MAKERS if keywords & schema.keys()])


def _all(checks: list[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]

    def passes(value: Any) -> bool:
        for check in checks:  # noqa: SIM110 - a generator would double the time of the hottest loop
            if not check(value):
                return False
        return True

    return passes


def _types(schema: Mapping[str, Any]) -> Check:
    checks = [_TYPES[name] for name in types_of(schema)]
    if len(checks) == 1:
        return checks[0]
    return lambda value: any(check(value) for check in checks)


def _const(schema: Mapping[str, Any]) -> Check:
    constant = schema["const"]
    return lambda value: value == constant and isinstance(value, bool) == isinstance(constant, bool)


def _enum(schema: Mapping[str, Any]) -> Check:
    if not all(isinstance(choice, str) for choice in schema["enum"]):
        raise ValueError("the quick check knows enums of strings alone")
    choices = frozenset(schema["enum"])
    return lambda value: type(value) is str and value in choices


def _string(schema: Mapping[str, Any]) -> Check:
    shortest, longest = schema.get("minLength", 0), schema.get("maxLength", float("inf"))
    search = _search(schema["pattern"]) if "pattern" in schema else _anything

    def fits(value: Any) -> bool:
        return type(value) is not str or (shortest <= len(value) <= longest and search(value) is not None)

    return fits


def _anything(text: str) -> object:
    return text


def _search(pattern: str) -> Callable[[str], object]:
    """Return the pattern's search, compiled on first use: a file has few of the schema's keys."""
    compiled: list[Callable[[str], object]] = []

    def search(text: str) -> object:
        if not compiled:
            compiled.append(re.compile(pattern).search)
        return compiled[0](text)

    return search


def _range(schema: Mapping[str, Any]) -> Check:
    low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
    return lambda value: not is_number(value) or low <= value <= high


def _array(schema: Mapping[str, Any]) -> Check:
    check = compile_schema(schema.get("items", {}))
    minimum, unique = schema.get("minItems", 0), schema.get("uniqueItems", False)
    if unique and types_of(resolve(schema["items"])) != ("string",):
        raise ValueError("the quick check knows unique items among strings alone")

    def fits(value: Any) -> bool:
        if type(value) is not list:
            return True
        return (
            len(value) >= minimum and all(map(check, value)) and not (unique and len(set(value)) < len(value))
        )

    return fits


def _object(schema: Mapping[str, Any]) -> Check:
    known = {key: compile_schema(part) for key, part in schema.get("properties", {}).items()}
    required = frozenset(schema.get("required", ()))
    other = _other_keys(schema)

    def fits(value: Any) -> bool:
        if type(value) is not dict:
            return True
        for key, item in value.items():
            check = known.get(key)
            if not (other(key, item) if check is None else check(item)):
                return False
        return required <= value.keys()

    return fits


def _other_keys(schema: Mapping[str, Any]) -> Callable[[str, Any], bool]:
    patterns = [
        (re.compile(name).search, compile_schema(part))
        for name, part in schema.get("patternProperties", {}).items()
    ]
    rest = compile_schema_or_refusal(schema.get("additionalProperties", True))
    name_fits = compile_schema(schema.get("propertyNames", {}))

    def fits(key: str, item: Any) -> bool:
        matching = [check for search, check in patterns if search(key)]
        checks = matching or [rest]
        return name_fits(key) and all(check(item) for check in checks)

    return fits


def compile_schema_or_refusal(schema: Any) -> Check:
    """Compile a schema that may be true or false instead of a mapping."""
    if isinstance(schema, bool):
        return lambda _value: schema
    return compile_schema(schema)


_MAKERS: Final[tuple[tuple[frozenset[str], _Maker], ...]] = (
    (frozenset({"type"}), _types),
    (frozenset({"const"}), _const),
    (frozenset({"enum"}), _enum),
    (frozenset({"pattern", "minLength", "maxLength"}), _string),
    (frozenset({"minimum", "maximum"}), _range),
    (frozenset({"items", "minItems", "uniqueItems"}), _array),
    (
        frozenset({"properties", "required", "additionalProperties", "patternProperties", "propertyNames"}),
        _object,
    ),
)
_KEYWORDS: Final = frozenset({"$ref"}).union(*(keywords for keywords, _ in _MAKERS))
