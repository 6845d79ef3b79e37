"""Whether a schema is one: a quick yes, or else what the metaschema says.

What the quick look is not sure of is given to the jsonschema library, which knows why and has the last
word; a valid catalogue does not pay for its import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from streamroute.config.catalogue.dialects import Dialect
from streamroute.config.catalogue.keywords import OF_A_LIST, OF_A_MAPPING, OF_ONE, parts
from streamroute.config.source import DataPath
from streamroute.config.suggestions import did_you_mean
from streamroute.config.verdict import is_integer, is_number
from streamroute.config.wording import EXPECTED, listed, quoted

TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in a schema that its metaschema forbids; ``path`` leads to it."""

    path: DataPath
    message: str
    suggestion: str | None = None


def flaws(schema: Any, dialect: Dialect) -> list[Flaw]:
    """What the metaschema has against a schema; one for each value that is wrong."""
    if is_plainly_valid(schema, dialect):
        return []
    found: dict[DataPath, Flaw] = {}
    for error in _validator(dialect).iter_errors(schema):
        path = tuple(error.absolute_path)
        found.setdefault(path, _flaw(path, error))
    return list(found.values())


# The quick look.


def is_plainly_valid(schema: Any, dialect: Dialect) -> bool:
    """Whether a schema is certainly valid under its metaschema."""
    waiting = [schema]
    while waiting:
        schema = waiting.pop()
        if isinstance(schema, bool):
            continue
        if not isinstance(schema, dict) or not _holds_plain_words(schema, dialect):
            return False
        waiting += [part for _, part in parts(schema)]
    return True


def _holds_plain_words(schema: Mapping[str, Any], dialect: Dialect) -> bool:
    for word, value in schema.items():
        check = _WORDS.get(word)
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


def _ask(_value: Any) -> bool:
    return False


_WORDS: Final[dict[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(OF_ONE, _is_schema),
    **dict.fromkeys(OF_A_LIST - {"items"}, _are_schemas),
    **dict.fromkeys(OF_A_MAPPING - {"dependencies"}, _is_map),
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
    **dict.fromkeys(("$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef"), _ask),
    **dict.fromkeys(("$vocabulary", "dependencies", "dependentRequired"), _ask),
    "enum": _is_list,
    "examples": _is_list,
    "items": lambda value: _is_schema(value) or _are_schemas(value),
    "multipleOf": _is_positive,
    "required": _are_names,
    "type": _is_type,
}


# What is wrong, in words.


@cache
def _validator(dialect: Dialect) -> Any:
    # The import takes 100 ms, which a valid catalogue does not pay.
    from jsonschema import Draft7Validator, Draft202012Validator

    known: Any = Draft7Validator if dialect is Dialect.DRAFT_07 else Draft202012Validator
    return known(known.META_SCHEMA)


def _flaw(path: DataPath, error: Any) -> Flaw:
    word = next((str(step) for step in reversed(path) if isinstance(step, str)), "a schema")
    value = error.instance
    if word == "type" and isinstance(value, str):
        message = f"{quoted(value)} is not a type of JSON Schema: {listed(TYPES)}"
        return Flaw(path, message, did_you_mean(value, TYPES))
    said = _WORDING.get(str(error.validator), _other)(error)
    return Flaw(path, f'"{word}" {said}' if path else f"a schema {said}")


def _expected(error: Any) -> str:
    kinds = error.validator_value
    names = [kinds] if isinstance(kinds, str) else list(kinds)
    return f"must be {listed(EXPECTED[name] for name in names)}"


def _choices(error: Any) -> str:
    return f"must be {listed(map(quoted, error.validator_value))}"


def _other(error: Any) -> str:
    return f"is not as JSON Schema has it: {error.message[:200]}"


_WORDING: Final[dict[str, Callable[[Any], str]]] = {
    "type": _expected,
    "enum": _choices,
    "minimum": lambda error: f"must be at least {error.validator_value}",
    "exclusiveMinimum": lambda error: f"must be more than {error.validator_value}",
    "minItems": lambda _error: "is an empty list",
    "uniqueItems": lambda _error: "holds something twice",
    "anyOf": lambda _error: "has a value of the wrong kind",
}
