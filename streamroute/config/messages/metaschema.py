"""Validate schemas against their metaschema.

A quick check accepts ordinary schemas. All others go to the jsonschema library, which decides and explains
the problems; a valid catalogue avoids its import.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import Any, Final

from streamroute.config.findings.quoting import join_words, quote_value
from streamroute.config.messages.dialects import Dialect
from streamroute.config.messages.keywords import SCHEMA_LIST, SCHEMA_MAP, SINGLE_SCHEMA, known_subschemas
from streamroute.config.schema.fast_validator import is_integer, is_number
from streamroute.config.yaml.source import DataPath
from streamroute.text.kinds import YAML_TYPES
from streamroute.text.suggestions import did_you_mean

_MAX_PROBLEMS: Final = 100  # problems of one document
_ANCHOR: Final = re.compile("[A-Za-z_][-A-Za-z0-9._]*")
TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """A violation of the metaschema at ``path`` in a schema."""

    path: DataPath
    message: str
    suggestion: str | None = None


def schema_problems(schema: Any, dialect: Dialect) -> list[SchemaProblem]:
    """Return the violations of the metaschema in a schema: one for each invalid value, up to a limit."""
    if not _is_schema(schema):
        return _metaschema_problems(schema, (), dialect)
    problems: list[SchemaProblem] = []
    for path, part in _schemas_in(schema, dialect):
        if not _has_valid_keywords(part, dialect):
            # The library is slow on large schemas: pass it only the parts that failed the quick check.
            problems += _metaschema_problems(_shallow(part), path, dialect)
            if len(problems) >= _MAX_PROBLEMS:
                break
    return problems


def _schemas_in(schema: Any, dialect: Dialect) -> Iterator[tuple[DataPath, dict[str, Any]]]:
    """Yield every schema that the metaschema checks; it ignores the keywords of other dialects."""
    waiting: list[tuple[DataPath, Any]] = [((), schema)]
    while waiting:
        path, schema = waiting.pop()
        if isinstance(schema, dict):
            yield path, schema
            inner = list(known_subschemas(schema, dialect))
            waiting += [((*path, *steps), part) for steps, part in reversed(inner)]


def _metaschema_problems(schema: Any, at: DataPath, dialect: Dialect) -> list[SchemaProblem]:
    problems: dict[DataPath, SchemaProblem] = {}
    for error in islice(_validator(dialect).iter_errors(schema), _MAX_PROBLEMS):
        path = tuple(error.absolute_path)
        problem = _problem_of(path, error)
        problems.setdefault(path, replace(problem, path=(*at, *path)))
    return list(problems.values())


def _shallow(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with each direct subschema that is a mapping replaced by ``{}``."""
    copy = dict(schema)
    for keyword, value in schema.items():
        if keyword in SCHEMA_MAP and isinstance(value, dict):
            copy[keyword] = {name: _emptied(part) for name, part in value.items()}
        elif keyword in SCHEMA_LIST and isinstance(value, list):
            copy[keyword] = [_emptied(part) for part in value]
        elif keyword in SINGLE_SCHEMA:
            copy[keyword] = _emptied(value)
    return copy


def _emptied(part: Any) -> Any:
    return {} if isinstance(part, dict) else part


# The quick check.


def _has_valid_keywords(schema: Mapping[str, Any], dialect: Dialect) -> bool:
    for keyword, value in schema.items():
        check = _KEYWORD_CHECKS.get(keyword)
        if check is not None and not check(value):
            return False
    if dialect is Dialect.DRAFT_2020_12:
        return isinstance(schema.get("items", {}), (dict, bool)) and "#" not in schema.get("$id", "")
    return True


def _is_string(value: Any) -> bool:
    return type(value) is str


def _is_bool(value: Any) -> bool:
    return type(value) is bool


def _is_count(value: Any) -> bool:
    return is_integer(value) and value >= 0


def _is_positive(value: Any) -> bool:
    return is_number(value) and value > 0


def _is_list(value: Any) -> bool:
    return type(value) is list


def _are_names(value: Any) -> bool:
    return type(value) is list and all(map(_is_string, value)) and len(set(value)) == len(value)


def _is_type(value: Any) -> bool:
    if type(value) is str:
        return value in TYPES
    return _are_names(value) and bool(value) and all(name in TYPES for name in value)


def _is_schema(value: Any) -> bool:
    return isinstance(value, (dict, bool))


def _are_schemas(value: Any) -> bool:
    return type(value) is list and bool(value) and all(map(_is_schema, value))


def _is_map(value: Any) -> bool:
    return type(value) is dict and all(map(_is_schema, value.values()))


def _is_anchor(value: Any) -> bool:
    return type(value) is str and _ANCHOR.fullmatch(value) is not None


def _is_dependency(value: Any) -> bool:
    return _is_schema(value) or _are_names(value)


def _ask(_value: Any) -> bool:
    return False


_KEYWORD_CHECKS: Final[dict[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(SINGLE_SCHEMA, _is_schema),
    **dict.fromkeys(SCHEMA_LIST - {"items"}, _are_schemas),
    **dict.fromkeys(SCHEMA_MAP - {"dependencies"}, _is_map),
    **dict.fromkeys(
        ("$comment", "$id", "$ref", "$schema", "description", "format", "pattern", "title"), _is_string
    ),
    **dict.fromkeys(("contentEncoding", "contentMediaType"), _is_string),
    **dict.fromkeys(("deprecated", "readOnly", "uniqueItems", "writeOnly"), _is_bool),
    **dict.fromkeys(
        [f"{end}{what}" for end in ("max", "min") for what in ("Contains", "Items", "Length", "Properties")],
        _is_count,
    ),
    **dict.fromkeys(("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"), is_number),
    **dict.fromkeys(("$anchor", "$dynamicAnchor"), _is_anchor),
    **dict.fromkeys(("$dynamicRef", "$recursiveAnchor", "$recursiveRef", "$vocabulary"), _ask),
    "dependencies": lambda value: type(value) is dict and all(map(_is_dependency, value.values())),
    "dependentRequired": lambda value: type(value) is dict and all(map(_are_names, value.values())),
    "enum": _is_list,
    "examples": _is_list,
    "items": lambda value: _is_schema(value) or _are_schemas(value),
    "multipleOf": _is_positive,
    "required": _are_names,
    "type": _is_type,
}


# Error messages.


@cache
def _validator(dialect: Dialect) -> Any:
    # Import late: it takes 100 ms, and a valid catalogue does not need it.
    from jsonschema import Draft7Validator, Draft202012Validator

    known: Any = Draft7Validator if dialect is Dialect.DRAFT_07 else Draft202012Validator
    return known(known.META_SCHEMA)


def _problem_of(path: DataPath, error: Any) -> SchemaProblem:
    keyword = next((str(step) for step in reversed(path) if isinstance(step, str)), "a schema")
    value = error.instance
    if keyword == "type" and isinstance(value, str):
        message = f"unknown type {quote_value(value)}: must be {join_words(TYPES)}"
        return SchemaProblem(path, message, did_you_mean(value, TYPES))
    requirement = _WORDING.get(str(error.validator), _other)(error)
    return SchemaProblem(path, f'"{keyword}" {requirement}' if path else f"a schema {requirement}")


def _expected(error: Any) -> str:
    kinds = error.validator_value
    names = [kinds] if isinstance(kinds, str) else list(kinds)
    return f"must be {join_words(YAML_TYPES[name] for name in names)}"


def _choices(error: Any) -> str:
    return f"must be {join_words(map(quote_value, error.validator_value))}"


def _other(error: Any) -> str:
    return f"is invalid: {error.message[:200]}"


_WORDING: Final[dict[str, Callable[[Any], str]]] = {
    "type": _expected,
    "enum": _choices,
    "minimum": lambda error: f"must be at least {error.validator_value}",
    "exclusiveMinimum": lambda error: f"must be more than {error.validator_value}",
    "minItems": lambda _error: "is an empty list",
    "uniqueItems": lambda _error: "has duplicate items",
    "anyOf": lambda _error: "has an invalid value",
}
