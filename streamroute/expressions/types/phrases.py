"""Phrases for kinds and values in messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from streamroute.text.kinds import KINDS, PLURAL, SINGULAR, Kind

TYPE_ALIASES: Final = {
    **dict.fromkeys(("int", "integer", "float", "double", "decimal", "number"), "number"),
    **dict.fromkeys(("str", "text", "string"), "string"),
    **dict.fromkeys(("list", "tuple", "set", "array"), "array"),
    **dict.fromkeys(("dict", "map", "mapping", "hash", "object"), "object"),
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("none", "nil", "undefined", "nonetype"), "null"),
}
"""The results of ``type()``, by their names in JMESPath and in other languages."""

_NUMBER: Final = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z"


def any_kind(kinds: Iterable[Kind]) -> str:
    """``a string, a list or an object``."""
    return _listed([SINGULAR[kind] for kind in KINDS if kind in set(kinds)])


def list_of_kinds(kinds: Iterable[Kind]) -> str:
    """``a list of numbers or strings``."""
    return f"a list of {_listed([PLURAL[kind] for kind in KINDS if kind in set(kinds)])}"


def any_value(values: Iterable[Any]) -> str:
    """``'gold' or 'silver'``: values as literals."""
    return _listed(sorted(as_literal(value) for value in values))


def as_literal(value: Any) -> str:
    """A value as a JMESPath literal."""
    if isinstance(value, str):
        return "'" + value.replace("'", "\\'") + "'"
    return "`" + json.dumps(value, ensure_ascii=False).replace("`", "\\`") + "`"


def is_numeric(text: str) -> bool:
    """Whether a text is a JSON number."""
    return re.match(_NUMBER, text) is not None


def _listed(words: list[str]) -> str:
    *first, last = words or ["nothing"]
    return f"{', '.join(first)} or {last}" if first else last
