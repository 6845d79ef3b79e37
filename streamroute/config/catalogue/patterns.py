"""Regular expressions as JSON Schema means them (ECMA-262), written for Python's ``re``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_SPACE: Final = r"\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_OUTSIDE: Final = {
    "$": r"\Z",
    ".": r"[^\n\r\u2028\u2029]",
    r"\s": f"[{_SPACE}]",
    r"\S": f"[^{_SPACE}]",
    "(?<": "(?P<",
    "(?<=": "(?<=",
    "(?<!": "(?<!",
}
_EVERYWHERE: Final = re.compile(r"[^\\\[&~]|\\[bdDsSwW./+*?^$()|{}\[\]-]")
_INSIDE: Final = {r"\s": _SPACE, "[": r"\[", "&": r"\&", "|": r"\|", "~": r"\~"}
_TOKEN: Final = re.compile(r"\\k<(?P<name>\w+)>|\\.|\(\?<[=!]?|.", re.DOTALL)


@lru_cache(maxsize=4096)
def python_pattern(pattern: str) -> str:
    """The pattern for ``re.search``; raises ``re.error`` for what ``re`` cannot do."""
    parts: list[str] = []
    inside = False
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if token["name"] and not inside:
            parts.append(f"(?P={token['name']})")
        else:
            parts.append((_INSIDE if inside else _OUTSIDE).get(text, text))
        inside = text != "]" if inside else text == "["
    # ASCII: \d, \w and \b know nothing of Unicode in ECMA-262.
    written = f"(?a:{''.join(parts)})"
    re.compile(written)
    return written


def shared_pattern(pattern: str) -> str | None:
    """The pattern in the part of the language that every engine reads alike, or None beyond it."""
    parts: list[str] = []
    inside = False
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if not (_EVERYWHERE.fullmatch(text) or text in {"(?", "["}) or (inside and text == "["):
            return None
        parts.append(_OUTSIDE["."] if text == "." and not inside else text)
        inside = text != "]" if inside else text == "["
    return "".join(parts)
