"""Types in a person's words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from streamroute.expressions.types.json_types import KINDS, Kind

_ONE: Final[dict[Kind, str]] = {
    "null": "null",
    "boolean": "true or false",
    "number": "a number",
    "string": "a string",
    "array": "a list",
    "object": "an object",
    "expref": "an &expression",
}
_MANY: Final[dict[Kind, str]] = {
    "null": "null",
    "boolean": "truth values",
    "number": "numbers",
    "string": "strings",
    "array": "lists",
    "object": "objects",
    "expref": "&expressions",
}

TYPE_ALIASES: Final = {
    **dict.fromkeys(("int", "integer", "float", "double", "decimal", "number"), "number"),
    **dict.fromkeys(("str", "text", "string"), "string"),
    **dict.fromkeys(("list", "tuple", "set", "array"), "array"),
    **dict.fromkeys(("dict", "map", "mapping", "hash", "object"), "object"),
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("none", "nil", "undefined", "nonetype"), "null"),
}
"""What other languages call the types that ``type()`` gives, and JMESPath itself."""

_NUMBER: Final = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z"


def any_kind(kinds: Iterable[Kind]) -> str:
    """``a string, a list or an object``."""
    return _listed([_ONE[kind] for kind in KINDS if kind in set(kinds)])


def list_of_kinds(kinds: Iterable[Kind]) -> str:
    """``a list of numbers or strings``."""
    return f"a list of {_listed([_MANY[kind] for kind in KINDS if kind in set(kinds)])}"


def any_value(values: Iterable[Any]) -> str:
    """``'gold' or 'silver'``, as they are written in an expression."""
    return _listed(sorted(as_literal(value) for value in values))


def as_literal(value: Any) -> str:
    """A value as a literal of JMESPath."""
    if isinstance(value, str):
        return "'" + value.replace("'", "\\'") + "'"
    return "`" + json.dumps(value, ensure_ascii=False).replace("`", "\\`") + "`"


def is_numeric(text: str) -> bool:
    """Whether a text is a number as JSON writes it."""
    return re.match(_NUMBER, text) is not None


def _listed(words: list[str]) -> str:
    *first, last = words or ["nothing"]
    return f"{', '.join(first)} or {last}" if first else last
