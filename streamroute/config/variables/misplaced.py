"""Report variables in places where they are not expanded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from streamroute.config.findings.finding import Finding
from streamroute.config.findings.quoting import quote_value
from streamroute.config.yaml.source import DataPath, SourceFile

EXPANDED_KEYS: Final = ("redis", "streams")
"""The keys of a root file below which variables are expanded."""

VARIABLE: Final = r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-(?:(?!\$\{)[^}])*)?\}"

_IN_DEFAULTS: Final = "set it in each stream that needs it"
_IN_ARGUMENTS: Final = "read it in the handler, from its container or its own environment"
_IN_HEADERS: Final = "use headers_from_env, which maps a header to an environment variable"
_ELSEWHERE: Final = "write the value itself, or $${NAME} for the literal text ${NAME}"
_TEXTS: Final = ("description", "title", "$comment")
"""Keys of routes and schemas whose values are documentation."""


def find_misplaced(source: SourceFile, *, root: bool) -> list[Finding]:
    """Return a finding for each variable in a place where variables are not expanded."""
    skipped = EXPANDED_KEYS if root else ()
    return [
        source.finding(
            "SR503",
            f"{quote_value(match[0])} is not expanded here: variables are allowed in redis and streams only",
            source.span_in(path, *match.span()) if not on_key else source.span(path, "key"),
            help=_advice(path),
        )
        for key, value in source.data.items()
        if key not in skipped and not key.startswith("x-")
        for path, text, on_key in _strings((key,), value)
        if not _is_text(path) and (match := _misplaced(text, escapes=not on_key))
    ]


def _misplaced(text: str, *, escapes: bool) -> re.Match[str] | None:
    """Return the first variable in a text; keys have no escapes."""
    matches = re.finditer(rf"\$\$|{VARIABLE}" if escapes else VARIABLE, text)
    return next((match for match in matches if match[0] != "$$"), None)


def _is_text(path: DataPath) -> bool:
    """Whether a value is documentation: the description of a route, or descriptive keywords of a schema."""
    if path[-1] not in _TEXTS:
        return False
    return path[0] == "messages" or (path[0] == "routes" and len(path) == 3)


def _advice(path: DataPath) -> str:
    if path[0] == "defaults":
        return _IN_DEFAULTS
    if "with" not in path[:3]:
        return _ELSEWHERE
    return _IN_HEADERS if path[3:4] == ("headers",) else _IN_ARGUMENTS


def _strings(path: DataPath, value: Any) -> Iterator[tuple[DataPath, str, bool]]:
    """Yield every key and string below a path that may contain a variable."""
    if type(value) is str:
        if "${" in value:
            yield path, value, False
    elif type(value) is dict:
        for key, item in value.items():
            if "${" in key:
                yield (*path, key), key, True
            if type(item) is not str or "${" in item:
                yield from _strings((*path, key), item)
    elif type(value) is list:
        for position, item in enumerate(value):
            yield from _strings((*path, position), item)
