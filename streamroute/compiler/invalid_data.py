"""Why data is invalid, in words that hold none of its values: they may be secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from streamroute.config.wording import listed
from streamroute.safe_text import clip, safe_str, type_name

_MOST: Final = 3
_MOST_READ: Final = 1_000  # errors of one message: each takes some kilobytes
_LONGEST_NAME: Final = 80
_KINDS: Final = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}


def reason(errors: Iterable[Any]) -> str | None:
    """The errors of the jsonschema library in one line, the first of them; None where there are none."""
    read = map(_deepest, islice(errors, _MOST_READ))
    found = sorted(read, key=lambda error: [str(step) for step in error.absolute_path])
    if not found:
        return None
    said = list(dict.fromkeys(f"{_where(error)} {_said(error)}" for error in found))
    more = f" (and {len(said) - _MOST} more)" if len(said) > _MOST else ""
    return "; ".join(said[:_MOST]) + more


def _deepest(error: Any) -> Any:
    """Of several forms none of which fits, what is wrong in the one that comes nearest."""
    while error.context:
        forms: dict[Any, list[Any]] = {}
        for inner in error.context:
            forms.setdefault(inner.schema_path[0], []).append(inner)
        error = min(forms.values(), key=_distance)[0]
    return error


def _distance(errors: list[Any]) -> tuple[bool, int]:
    """A form of another type altogether is the farthest; else the one with the fewest errors is near."""
    return any(error.validator == "type" and not error.path for error in errors), len(errors)


def _where(error: Any) -> str:
    text = ""
    for step in error.absolute_path:
        name = clip(str(step), _LONGEST_NAME)
        text += f"[{name}]" if isinstance(step, int) else f".{name}" if text else name
    return text or "the data"


def _said(error: Any) -> str:
    words = _WORDS.get(str(error.validator))
    return words(error) if words else f'breaks "{error.validator}": {_short(error.validator_value)}'


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=safe_str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _types(error: Any) -> str:
    names = error.validator_value
    wanted = [names] if isinstance(names, str) else names
    return f"must be {listed(_KINDS[name] for name in wanted)}, not {_kind(error.instance)}"


def _kind(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    kinds = {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return kinds.get(type(value), f"of the Python type {type_name(value)}")


def _missing(error: Any) -> str:
    missing = [name for name in error.validator_value if name not in error.instance]
    return f"lacks {_named(missing)}"


def _unexpected(error: Any) -> str:
    known, patterns = error.schema.get("properties", {}), error.schema.get("patternProperties", ())
    names = [
        name
        for name in error.instance
        if name not in known and not any(re.search(pattern, name) for pattern in patterns)
    ]
    return f"has the unexpected {'key' if len(names) == 1 else 'keys'} {_named(names)}"


def _named(names: list[str]) -> str:
    return listed([_short(name) for name in names[:10]], "and")


_WORDS: Final[dict[str, Callable[[Any], str]]] = {
    "additionalProperties": _unexpected,
    "const": lambda error: f"must be {_short(error.validator_value)}",
    "enum": lambda error: f"must be {listed(map(_short, error.validator_value[:10]))}",
    "exclusiveMaximum": lambda error: f"must be less than {error.validator_value}",
    "exclusiveMinimum": lambda error: f"must be more than {error.validator_value}",
    "maxItems": lambda error: f"holds more than {error.validator_value} items",
    "maxLength": lambda error: f"is longer than {error.validator_value} characters",
    "maximum": lambda error: f"must be at most {error.validator_value}",
    "minItems": lambda error: f"holds less than {error.validator_value} items",
    "minLength": lambda error: f"is shorter than {error.validator_value} characters",
    "minimum": lambda error: f"must be at least {error.validator_value}",
    "not": lambda error: "is not allowed" if not error.validator_value else "is what the schema excludes",
    "oneOf": lambda _error: "fits several forms of which only one may fit",
    "multipleOf": lambda error: f"must be a multiple of {error.validator_value}",
    "pattern": lambda _error: "does not have the form that is wanted",
    "required": _missing,
    "type": _types,
    "uniqueItems": lambda _error: "holds an item twice",
}
