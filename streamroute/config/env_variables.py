"""``${NAME}`` and ``${NAME:-default}``, replaced after parsing in ``redis`` and ``streams`` alone.

Anywhere else they are refused, but for text that nobody reads but people; ``$${NAME}`` is ``${NAME}`` there
as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.quoting import hide_secrets, join_words, quote_value
from streamroute.config.json_schema import schema_at, types_of
from streamroute.config.schema.labels import TYPE_LABELS, label
from streamroute.config.yaml.scalars import read_plain
from streamroute.config.yaml.source import DataPath, SourceFile

PLACES: Final = ("redis", "streams")

# Few files hold a variable: these are compiled when one is met.
_DOLLAR: Final = r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}$]*))?\}|\$\{[^}]*\}?"
_MISPLACED: Final = r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-(?:(?!\$\{)[^}])*)?\}"


class Replacement:
    """A file's data with its variables replaced.

    ``replaced`` maps the path of each value that came from a variable to its text in the file; what can't be
    told (unset, of the wrong type) is left out of ``data``, so that its default holds.
    """

    def __init__(self, source: SourceFile, environment: Mapping[str, str], unset: Severity) -> None:
        self.source = source
        self.environment = environment
        self.unset = unset
        self.data: dict[str, Any] = {}
        self.replaced: dict[DataPath, str] = {}
        self.findings: list[Finding] = []


_SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})
_GONE: Final = object()
UNTOLD: Final = object()
"""Stands under a key that its mapping does not take, where nobody can tell the value: the key is wrong all
the same."""
_IN_DEFAULTS: Final = "set it in each stream that needs it"
_IN_ARGUMENTS: Final = "read it in the handler, from its container or its own environment"
_IN_HEADERS: Final = "use headers_from_env, which maps a header to an environment variable"
_ELSEWHERE: Final = "write the value itself, or $${NAME} for the literal text ${NAME}"
_TEXTS: Final = ("description", "title", "$comment")
"""Keys of routes, and of schemas, whose values are for people alone."""
_ESCAPED: Final = r"(?<!\$)((?:\$\$)+)(?=\{[A-Za-z_][A-Za-z0-9_]*(?::-(?:(?!\$\{)[^}])*)?\})"


def replace_variables(source: SourceFile, environment: Mapping[str, str], unset: Severity) -> Replacement:
    """Replace the variables of a root file; the source's own data stays as it is."""
    result = Replacement(source, environment, unset)
    for key, value in source.data.items():
        result.data[key] = _walk(result, (key,), value) if key in PLACES else value
    result.data |= unescaped(source, [key for key in result.data if key not in PLACES])
    return result


def unescaped(source: SourceFile, keys: Iterable[str]) -> dict[str, Any]:
    """The values of keys in which nothing is replaced, with ``$${NAME}`` read as what it stands for."""
    if "$${" not in source.text:
        return {key: source.data[key] for key in keys}
    return {key: _without_escapes(source.data[key]) for key in keys}


def _without_escapes(value: Any) -> Any:
    if type(value) is str:
        return re.sub(_ESCAPED, lambda found: found[1][::2], value) if "$${" in value else value
    if type(value) is list:
        return [_without_escapes(item) for item in value]
    return {key: _without_escapes(item) for key, item in value.items()} if type(value) is dict else value


def find_misplaced(source: SourceFile, *, root: bool) -> list[Finding]:
    """A finding for each variable that stands where none is replaced."""
    skipped = PLACES if root else ()
    return [
        source.finding(
            "SR503",
            f"{quote_value(match[0])} is not expanded here: variables work only in redis and streams",
            source.span_in(path, *match.span()) if not on_key else source.span(path, "key"),
            help=_advice(path),
        )
        for key, value in source.data.items()
        if key not in skipped and not key.startswith("x-")
        for path, text, on_key in _strings((key,), value)
        if not _is_text(path) and (match := _misplaced(text, escapes=not on_key))
    ]


def _misplaced(text: str, *, escapes: bool) -> re.Match[str] | None:
    """The first variable in a text; in a key nothing is escaped."""
    found = re.finditer(rf"\$\$|{_MISPLACED}" if escapes else _MISPLACED, text)
    return next((match for match in found if match[0] != "$$"), None)


def _is_text(path: DataPath) -> bool:
    """Whether a value is for people alone: a route's description, and what a schema says of itself."""
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
    """Every key and string below a path that may hold a variable."""
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


def _walk(result: Replacement, path: DataPath, value: Any) -> Any:
    if type(value) is str:
        return _expand(result, path, value) if "$" in value else value
    if type(value) is list:
        items = [_walk(result, (*path, position), item) for position, item in enumerate(value)]
        return [item for item in items if item is not _GONE]
    if type(value) is dict:
        return _walk_mapping(result, path, value)
    return value


def _walk_mapping(result: Replacement, path: DataPath, value: Mapping[str, Any]) -> dict[str, Any]:
    walked = {}
    for key, item in value.items():
        if "${" in key and re.search(_MISPLACED, key):
            result.findings.append(
                result.source.finding(
                    "SR503",
                    f"{quote_value(key)} is not expanded here: variables work only in values, not in keys",
                    result.source.span((*path, key), "key"),
                )
            )
        walked[key] = _walk(result, (*path, key), item)
    told = {key: _stand_in(path, key) if item is _GONE else item for key, item in walked.items()}
    return {key: item for key, item in told.items() if item is not _GONE}


def _stand_in(path: DataPath, key: str) -> Any:
    """What stands under a key whose value cannot be told, so that nothing is found for its sake."""
    if not _keys_of(path)(key):
        return UNTOLD
    if path == ("streams",):
        return None  # there is such a stream, whatever its settings
    if key in schema_at(path).get("required", ()):
        return schema_at((*path, key))["examples"][0]
    return _GONE


def _keys_of(path: DataPath) -> Callable[[str], bool]:
    """Whether a mapping takes a key."""
    schema = schema_at(path)
    if schema.get("additionalProperties", True) is not False:
        return lambda _key: True
    return lambda key: key in schema.get("properties", {})


def _expand(result: Replacement, path: DataPath, text: str) -> Any:
    if re.search(_DOLLAR, text) and not _takes_scalars(path):
        return _refuse(result, path, text)
    known = True
    parts: list[str] = []
    at = 0
    for match in re.finditer(_DOLLAR, text):
        value = _value_of(result, path, match)
        known = known and value is not None
        parts += [text[at : match.start()], value or ""]
        at = match.end()
    if not known:
        return _GONE
    return _converted(result, path, text, "".join([*parts, text[at:]]))


def _takes_scalars(path: DataPath) -> bool:
    types = types_of(schema_at(path))
    return not types or not _SCALARS.isdisjoint(types)


def _refuse(result: Replacement, path: DataPath, text: str) -> object:
    """Whatever the variable holds, it is no mapping."""
    result.replaced[path] = text
    expected = join_words(TYPE_LABELS[kind] for kind in types_of(schema_at(path)) if kind != "null")
    message = f"{label(path)} must be {expected}, but the value of {quote_value(text)} is not"
    advice = "a variable expands to a single value: write the keys here and use one variable per value"
    result.findings.append(result.source.finding("SR502", message, result.source.span(path), help=advice))
    return _GONE


def _value_of(result: Replacement, path: DataPath, match: re.Match[str]) -> str | None:
    """What a variable, or an escape, gives; None, and a finding, where that can't be told."""
    if match[0] == "$$":
        return "$"
    if match[1] is None:
        shown = hide_secrets(match.string)[match.start() : match.end()]
        what = quote_value(shown) if shown == match[0] else 'what begins with "${"'
        _report(
            result,
            path,
            match,
            "SR504",
            f"{what} is not a valid variable",
            "write ${NAME} or ${NAME:-default}; variables cannot be nested, and $$ is a literal $",
        )
        return None
    # As in a shell, a default is for what is unset and for what is empty.
    value = result.environment.get(match[1], "")
    if match[2] is not None:
        return value or match[2]
    if match[1] not in result.environment:
        _report(
            result,
            path,
            match,
            "SR501",
            f'environment variable "{match[1]}" is not set',
            f"set it, or add a default: ${{{match[1]}:-default}}",
            result.unset,
        )
        return None
    return value


def _report(
    result: Replacement,
    path: DataPath,
    match: re.Match[str],
    code: str,
    message: str,
    advice: str,
    severity: Severity | None = None,
) -> None:
    span = result.source.span_in(path, *match.span())
    result.findings.append(result.source.finding(code, message, span, help=advice, severity=severity))


def _converted(result: Replacement, path: DataPath, text: str, value: str) -> Any:
    """The value in its key's type; it is never read as YAML beyond a number or a truth value."""
    result.replaced[path] = text
    types = types_of(schema_at(path))
    if not types or "string" in types:
        return value
    for kind in types:
        converted = _as_type(kind, value)
        if converted is not _GONE:
            return converted
    expected = join_words(TYPE_LABELS[kind] for kind in types)
    result.findings.append(
        result.source.finding(
            "SR502",
            f"{label(path)} must be {expected}, but the value of {quote_value(text)} is not",
            result.source.span(path),
        )
    )
    return _GONE


def _as_type(kind: str, value: str) -> Any:
    accepted = {"integer": (int,), "number": (int, float), "boolean": (bool,)}.get(kind, ())
    try:
        converted = read_plain(value.strip())
    except ValueError:
        return _GONE
    return converted if type(converted) in accepted else _GONE
