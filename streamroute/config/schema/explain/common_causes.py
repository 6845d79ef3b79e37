"""Recognize a common cause of several schema violations, and report it once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from streamroute.config.findings.quoting import join_words, quote_value
from streamroute.config.json_schema import ROUTES, schema_at
from streamroute.config.schema.explain.labels import label
from streamroute.config.schema.explain.synonyms import synonym_of
from streamroute.config.yaml.source import DataPath, SourceFile
from streamroute.text.suggestions import did_you_mean


class Cause(NamedTuple):
    """A finding about the key at ``path``; it replaces all others about the mapping that contains the key.

    With ``is_foreign``, the file is not a configuration.
    """

    code: str
    message: str
    path: DataPath
    advice: str | None = None
    suggestion: str | None = None
    is_foreign: bool = False


_SCHEMA_KEYWORDS: Final = frozenset(
    {"$schema", "$id", "$ref", "$defs", "definitions", "type", "properties", "required", "items", "title"}
    | {"additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf", "enum", "const", "format"}
)
_ANCHOR: Final = re.compile(r"(?:^|[\s,\[{:-])&[\w-]+")


def cause_of_keys(
    path: DataPath, present: Mapping[str, Any], unexpected: Sequence[str], free: Sequence[str], schema: str
) -> Cause | None:
    """Return the common cause of a mapping's key errors, or None.

    ``free`` are the allowed keys that the mapping does not have.
    """
    keys_without_space = [
        key for key in unexpected if present[key] is None and re.match(r"[\w-]+:[^\s/:]", key)
    ]
    if keys_without_space:
        return _key_without_space(path, keys_without_space[0])
    if len(path) == 2 and path[0] == "messages" and "schema" not in present:
        return _bare_schema(path, unexpected)
    if len(path) == 2 and path[0] == "routes":
        return _below_its_name(path, present)
    if not path and schema == ROUTES and len(unexpected) == len(present):
        return _foreign_file(present, free)
    return None


def _below_its_name(path: DataPath, present: Mapping[str, Any]) -> Cause | None:
    """Detect ``- welcome: {type: ...}``: a route's keys nested below its name."""
    [first, *others] = present.items()
    name, value = first
    if others or not isinstance(value, dict) or value.keys().isdisjoint(("type", "handler", "filter")):
        return None
    advice = f"write name: {name} and the other keys in the same column"
    return Cause("SR102", "the keys of a route must be beside its name, not below it", (*path, name), advice)


def _key_without_space(path: DataPath, key: str) -> Cause:
    name, _, value = key.partition(":")
    message = f'missing space after ":" in {quote_value(key)}'
    return Cause("SR102", message, (*path, key), suggestion=f"{name}: {value}")


def _bare_schema(path: DataPath, unexpected: Sequence[str]) -> Cause | None:
    keyword = next((key for key in unexpected if key in _SCHEMA_KEYWORDS), None)
    if keyword is None:
        return None
    message = f'{quote_value(keyword)} is a JSON Schema keyword and belongs under "schema"'
    advice = f"write {path[1]}: {{schema: {{{keyword}: ...}}}}"
    return Cause("SR102", message, (*path, keyword), advice)


def _foreign_file(present: Mapping[str, Any], free: Sequence[str]) -> Cause | None:
    """Detect a file of another kind, or a configuration nested below an extra top-level key."""
    similar = [key for key in present if did_you_mean(key, free) or synonym_of(key, free)]
    if not present or any(key.startswith("x-") for key in present) or 2 * len(similar) >= len(present):
        return None
    first, value = next(iter(present.items()))
    if len(present) == 1 and isinstance(value, dict) and {"routes", "streams"} & value.keys():
        message = f"the keys below {quote_value(first)} belong at the top level"
        advice = "remove this line and unindent the lines below it"
        return Cause("SR030", message, (first,), advice, is_foreign=True)
    message = f"the file is not a configuration: it has none of the keys {join_words(sorted(free))}"
    advice = "name another file, or start it with: version: 1"
    return Cause("SR030", message, (first,), advice, is_foreign=True)


def anchor_key(source: SourceFile, path: DataPath) -> str | None:
    """Return the x- key to use instead of an unexpected top-level key that defines anchors, or None."""
    if len(path) != 1 or not _ANCHOR.search(source.text_at(path)):
        return None
    name = re.sub(r"^(x[_.-]?(?=[a-z])|[._]+)", "", str(path[0]))
    return f"x-{name}"


def split_items(items: Any, key: str) -> dict[int, Cause | None]:
    """Find list items that are keys of one item, each written with its own "- ".

    Return the position of each such item; only the second of an item has the cause, the others None.
    """
    if not isinstance(items, list):
        return {}
    known = schema_at((key, 0)).get("properties", {})
    causes: dict[int, Cause | None] = {}
    for run in _runs([item if _is_part(item, known) else None for item in items]):
        names = [next(iter(items[at])) for at in run]
        if len(run) > 1 and len(set(names)) == len(names):
            advice = f'remove the "- " and indent it like {quote_value(names[0])}'
            message = f'this "- " starts a new item, but {quote_value(names[1])} belongs to the item above'
            causes |= dict.fromkeys(run)
            causes[run[1]] = Cause("SR103", message, (key, run[1], names[1]), advice)
    return causes


def _is_part(item: Any, known: Mapping[str, Any]) -> bool:
    return isinstance(item, dict) and len(item) == 1 and next(iter(item)) in known


def _runs(items: Sequence[Any]) -> Iterator[list[int]]:
    """Yield runs of adjacent positions; a new run begins at a "name" or after a None."""
    run: list[int] = []
    for at, item in enumerate(items):
        if run and (item is None or "name" in item):
            yield run
            run = []
        if item is not None:
            run.append(at)
    if run:
        yield run


def belongs_to_a_stream(path: DataPath) -> bool:
    """Whether ``path`` is a stream whose name is that of a stream's setting."""
    return (
        len(path) == 2
        and path[0] == "streams"
        and path[1] in schema_at(("streams", "")).get("properties", {})
    )


def indent_below(path: DataPath) -> str:
    """Return the advice for such a stream."""
    return f"if {label(path)} is a setting of the stream above, indent it deeper than that stream's name"
