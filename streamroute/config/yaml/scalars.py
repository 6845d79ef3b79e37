"""Read plain scalars by YAML 1.2's core schema.

https://yaml.org/spec/1.2.2/#103-core-schema: ``on``, ``no`` and ``1:30`` are strings, ``0755`` is 755.
"""

from __future__ import annotations

import re
from typing import Final

from streamroute.text.lazy_pattern import lazy_pattern

Scalar = str | int | float | bool | None

CORE: Final = "tag:yaml.org,2002:"

_CONSTANTS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{sign + name: float(sign + "inf") for sign in ("", "+", "-") for name in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_MAX_DIGITS: Final = 3_000
"""Digits in base 8 or 16: Python parses any number of them, but may refuse to print the result in base 10."""

_NUMBER_STARTS: Final = frozenset("+-.0123456789")
_INT: Final = lazy_pattern(r"[-+]?[0-9]+", re.ASCII)
_BASED: Final = lazy_pattern(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = lazy_pattern(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)


def read_plain(text: str) -> Scalar:
    """Return the value of a scalar that has neither quotes nor a tag.

    Raises ValueError if an integer has more digits than Python parses.
    """
    if text[:1] in _NUMBER_STARTS:
        return _read_number(text)
    return _CONSTANTS.get(text, text)


def _read_number(text: str) -> Scalar:
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _BASED.fullmatch(text):
        if len(text) > _MAX_DIGITS:
            raise ValueError("a number of more digits than Python writes")
        return int(text, 0)
    return _CONSTANTS.get(text, text)


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "null": (type(None),),
}


def read_tagged(tag: str, text: str) -> Scalar:
    """Return the value of a scalar with an explicit tag.

    Raises ValueError if the text does not match the tag, KeyError if the tag is outside the core schema.
    """
    if tag in {"!", f"{CORE}str"}:
        return text
    kind = tag.removeprefix(CORE) if tag.startswith(CORE) else ""
    types, value = _TYPES[kind], read_plain(text)
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "bool"):
        raise ValueError(text)
    return float(text) if kind == "float" else value
