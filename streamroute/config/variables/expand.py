"""Expand ``${NAME}`` and ``${NAME:-default}`` in ``redis`` and ``streams``, after the YAML is parsed.

``$${NAME}`` is the literal text ``${NAME}``, in every part of a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.quoting import hide_secrets, join_words, quote_value
from streamroute.config.json_schema import schema_at, types_of
from streamroute.config.schema.explain.labels import label
from streamroute.config.variables.misplaced import EXPANDED_KEYS, VARIABLE
from streamroute.config.yaml.scalars import read_plain
from streamroute.config.yaml.source import DataPath, SourceFile
from streamroute.text.kinds import YAML_TYPES

# Few files contain variables: the patterns are compiled on first use.
_DOLLAR: Final = r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}$]*))?\}|\$\{[^}]*\}?"


class Replacement:
    """A file's data with its variables replaced.

    ``replaced`` maps the path of each expanded value to its text in the file. A value that is unset or of the
    wrong type is left out of ``data``, so that the default applies. ``findings_of_unset`` are the findings
    about variables that are not set, ``findings`` all others.
    """

    def __init__(
        self, source: SourceFile, environment: Mapping[str, str], unset: Severity, needs_server: bool
    ) -> None:
        self.source = source
        self.environment = environment
        self.unset = unset
        self.needs_server = needs_server
        self.data: dict[str, Any] = {}
        self.replaced: dict[DataPath, str] = {}
        self.findings: list[Finding] = []
        self.findings_of_unset: list[Finding] = []


_SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})
_UNRESOLVED: Final = object()
_UNRESOLVED_UNKNOWN_KEY: Final = object()
"""An unresolved value under an unknown key, so that the key is still reported."""
_ESCAPED: Final = r"(?<!\$)((?:\$\$)+)(?=\{[A-Za-z_][A-Za-z0-9_]*(?::-(?:(?!\$\{)[^}])*)?\})"


def replace_variables(
    source: SourceFile, environment: Mapping[str, str], unset: Severity, *, needs_server: bool = True
) -> Replacement:
    """Replace the variables of a root file; the source's data is not modified.

    Without ``needs_server``, there is no finding about an unset variable of ``redis``.
    """
    result = Replacement(source, environment, unset, needs_server)
    for key, value in source.data.items():
        result.data[key] = _walk(result, (key,), value) if key in EXPANDED_KEYS else value
    result.data |= unescaped(source, [key for key in result.data if key not in EXPANDED_KEYS])
    return result


def unescaped(source: SourceFile, keys: Iterable[str]) -> dict[str, Any]:
    """Return the values of keys without variables, with ``$${NAME}`` unescaped."""
    if "$${" not in source.text:
        return {key: source.data[key] for key in keys}
    return {key: _without_escapes(source.data[key]) for key in keys}


def _without_escapes(value: Any) -> Any:
    if type(value) is str:
        return re.sub(_ESCAPED, lambda match: match[1][::2], value) if "$${" in value else value
    if type(value) is list:
        return [_without_escapes(item) for item in value]
    return {key: _without_escapes(item) for key, item in value.items()} if type(value) is dict else value


def _walk(result: Replacement, path: DataPath, value: Any) -> Any:
    if type(value) is str:
        return _expand(result, path, value) if "$" in value else value
    if type(value) is list:
        items = [_walk(result, (*path, position), item) for position, item in enumerate(value)]
        return [item for item in items if item is not _UNRESOLVED]
    if type(value) is dict:
        return _walk_mapping(result, path, value)
    return value


def _walk_mapping(result: Replacement, path: DataPath, value: Mapping[str, Any]) -> dict[str, Any]:
    walked = {}
    for key, item in value.items():
        if "${" in key and re.search(VARIABLE, key):
            result.findings.append(
                result.source.finding(
                    "SR503",
                    f"{quote_value(key)} is not expanded here: variables are allowed in values only",
                    result.source.span((*path, key), "key"),
                )
            )
        walked[key] = _walk(result, (*path, key), item)
    known = {key: _placeholder(path, key) if item is _UNRESOLVED else item for key, item in walked.items()}
    return {key: item for key, item in known.items() if item is not _UNRESOLVED}


def _placeholder(path: DataPath, key: str) -> Any:
    """Return a valid value for a key whose variable is unresolved, so that it causes no further finding."""
    if not _keys_of(path)(key):
        return _UNRESOLVED_UNKNOWN_KEY
    if path == ("streams",):
        return None  # keep the stream, with default settings
    if key in schema_at(path).get("required", ()):
        return schema_at((*path, key))["examples"][0]
    return _UNRESOLVED


def _keys_of(path: DataPath) -> Callable[[str], bool]:
    """Return a predicate: whether the mapping at ``path`` allows a key."""
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
        return _UNRESOLVED
    return _converted(result, path, text, "".join([*parts, text[at:]]))


def _takes_scalars(path: DataPath) -> bool:
    types = types_of(schema_at(path))
    return not types or not _SCALARS.isdisjoint(types)


def _refuse(result: Replacement, path: DataPath, text: str) -> object:
    """Report a variable where a mapping or a list is required."""
    result.replaced[path] = text
    expected = join_words(YAML_TYPES[kind] for kind in types_of(schema_at(path)) if kind != "null")
    message = f"{label(path)} must be {expected}, but the value of {quote_value(text)} is not"
    advice = "a variable expands to a single value; write the keys here, and a variable for each value"
    result.findings.append(result.source.finding("SR502", message, result.source.span(path), help=advice))
    return _UNRESOLVED


def _value_of(result: Replacement, path: DataPath, match: re.Match[str]) -> str | None:
    """Return the value of a variable or of an escape; None, with a finding, if it has none."""
    if match[0] == "$$":
        return "$"
    if match[1] is None:
        text = hide_secrets(match.string)[match.start() : match.end()]
        subject = quote_value(text) if text == match[0] else 'what begins with "${"'
        advice = "write ${NAME} or ${NAME:-default}; variables cannot be nested, and $$ is a literal $"
        message = f"{subject} is not a valid variable"
        span = result.source.span_in(path, *match.span())
        result.findings.append(result.source.finding("SR504", message, span, help=advice))
        return None
    # As in a shell, the default of :- applies to unset and to empty variables.
    value = result.environment.get(match[1], "")
    if match[2] is not None:
        return value or match[2]
    if match[1] not in result.environment:
        if result.needs_server or path[0] != "redis":
            result.findings_of_unset.append(_unset_variable(result, path, match))
        return None
    return value


def _unset_variable(result: Replacement, path: DataPath, match: re.Match[str]) -> Finding:
    message = f'environment variable "{match[1]}" is not set'
    advice = f"set it, or add a default: ${{{match[1]}:-default}}"
    span = result.source.span_in(path, *match.span())
    return result.source.finding("SR501", message, span, help=advice, severity=result.unset)


def _converted(result: Replacement, path: DataPath, text: str, value: str) -> Any:
    """Convert the value to the type of its key: a string, a number or a boolean."""
    result.replaced[path] = text
    types = types_of(schema_at(path))
    if not types or "string" in types:
        return value
    for kind in types:
        converted = _as_type(kind, value)
        if converted is not _UNRESOLVED:
            return converted
    expected = join_words(YAML_TYPES[kind] for kind in types)
    result.findings.append(
        result.source.finding(
            "SR502",
            f"{label(path)} must be {expected}, but the value of {quote_value(text)} is not",
            result.source.span(path),
        )
    )
    return _UNRESOLVED


def _as_type(kind: str, value: str) -> Any:
    accepted = {"integer": (int,), "number": (int, float), "boolean": (bool,)}.get(kind, ())
    try:
        converted = read_plain(value.strip())
    except ValueError:
        return _UNRESOLVED
    return converted if type(converted) in accepted else _UNRESOLVED
