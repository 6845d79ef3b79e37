"""Write JSON values as readable YAML: a line for each key, short lists and objects on one line.

``yaml.safe_dump`` cannot do it: it writes the strings ``1e3`` and ``0o17`` without quotes, which are numbers
in YAML 1.2, and the character U+0085 as a line break of YAML 1.1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_WIDTH: Final = 90
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*(?: [A-Za-z0-9_./@-]+)*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def yaml_lines(value: Any, indent: int) -> Iterator[str]:
    """Yield the lines of a value below a key, each indented by ``indent`` spaces."""
    pad = " " * indent
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _entry(f"{pad}{scalar(str(key))}:", item, indent)
    elif isinstance(value, list) and value:
        for item in value:
            yield from _entry(f"{pad}-", item, indent)
    else:
        yield f"{pad}{flow(value)}"


def _entry(head: str, value: Any, indent: int) -> Iterator[str]:
    line = f"{head} {flow(value)}"
    if len(line) <= _WIDTH or not isinstance(value, (Mapping, list)) or not value:
        yield line
    else:
        yield head
        yield from yaml_lines(value, indent + 2)


def flow(value: Any) -> str:
    """Return a value in flow style, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """Return a scalar; a string is unquoted only if no YAML parser could read it as another type."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return "".join(map(_escaped, json.dumps(value, ensure_ascii=False)))


def _escaped(char: str) -> str:
    """Escape a character that JSON allows unescaped and YAML does not."""
    return char if char.isprintable() else f"\\U{ord(char):08x}"
