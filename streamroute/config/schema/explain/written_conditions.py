"""Convert filters written as YAML lists and mappings to the intended expressions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_MAX_LENGTH: Final = 100
_PATH: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*\Z")
_COMPARED: Final = re.compile(r"\s*(==|!=|>=|<=|>|<)\s*(-?[0-9]+(?:\.[0-9]+)?)\s*")
_OPERATORS: Final = {"eq": "==", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class _UnclearError(Exception):
    """Raised if the intended expression is not clear."""


def as_condition(value: Any) -> str | None:
    """Convert ``{tier: gold, nights: 3}`` or ``[tier == 'gold', vip]`` to an expression; None if unclear."""
    try:
        text = " && ".join(_conditions(value))
    except _UnclearError:
        return None
    return text if text and len(text) <= _MAX_LENGTH else None


def _conditions(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _conditions(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _conditions(name) if item is None else _of_field(_name(name), item)
    elif isinstance(value, str):
        text = " ".join(value.removeprefix("?").split())
        yield f"({text})" if "|" in text else text
    else:
        raise _UnclearError


def _of_field(path: str, value: Any) -> Iterator[str]:
    compared = _COMPARED.fullmatch(value) if isinstance(value, str) else None
    if compared is not None:
        yield f"{path} {compared[1]} `{compared[2]}`"
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _of_operator(path, name, item)
    elif isinstance(value, list):
        yield f"contains([{', '.join(map(_literal, value))}], {path})"
    else:
        yield f"{path} == {_literal(value)}"


def _of_operator(path: str, name: str, value: Any) -> Iterator[str]:
    """Convert ``nights: {gte: 3}`` and ``guest: {tier: gold}``."""
    operator = _OPERATORS.get(name.removeprefix("$"))
    if operator is not None and not isinstance(value, (dict, list)):
        yield f"{path} {operator} {_literal(value)}"
    elif name in ("in", "$in") and isinstance(value, list):
        yield from _of_field(path, value)
    else:
        yield from _of_field(f"{path}.{_name(name)}", value)


def _name(key: str) -> str:
    return key if _PATH.match(key) else json.dumps(key, ensure_ascii=False)


def _literal(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise _UnclearError
    if isinstance(value, str):
        return "'" + value.replace("'", "\\'") + "'"
    return f"`{json.dumps(value)}`"
