"""The reference of routes.yaml: every key with its type, default and examples, from the JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import yaml

from streamroute.config.json_schema import ROOT_ONLY, ROUTES, TESTS, schema_text
from streamroute.docs.build.key_types import type_in_words
from streamroute.docs.build.markdown import anchor, block, code, page, table

_SUMMARY: Final = (
    "Every key of routes.yaml: its type, its default, what it does, and an example. `streamroute docs "
    "KEY` prints one of them, such as `streamroute docs retry.delay`."
)
_NOTES: Final = """\
Values are YAML 1.2: `on` and `no` are strings. A *duration* is a number and a unit: `ms`, `s`, `m`, `h` \
or `d`. In `redis`, `defaults` and `streams`, `${VAR}` and `${VAR:-default}` stand for variables of the \
environment, in the place of any value. Keys that begin with `x-` are ignored at the top level: a place \
for anchors of YAML."""

_SECTIONS: Final = (
    ("root", "The file", "The keys at the top level."),
    (
        "stream",
        "A stream",
        "The keys below `streams: {NAME: ...}`; below `defaults`, they hold for all streams.",
    ),
    ("route", "A route", "The keys of an item of `routes`."),
    ("message", "A message type", "The keys below `messages: {TYPE: ...}`."),
)


class Key(NamedTuple):
    """A key: its path within its section (``retry.delay``), its declaration, and whether it is required."""

    section: str
    path: str
    schema: Mapping[str, Any]
    is_required: bool

    @property
    def heading(self) -> str:
        """The heading of the key; unique in the page, since a key of two sections has two headings."""
        return f"{self.section}: {self.path}"


def keys_page() -> str:
    """Return ``reference/keys.md``."""
    schema = json.loads(schema_text(ROUTES))
    parts = []
    for section, title, text in _SECTIONS:
        keys = list(keys_of(schema, section))
        parts += [f"## {title}", text, _overview(keys), *map(_description, keys)]
    tests = json.loads(schema_text(TESTS))["properties"]["tests"]["items"]
    keys = list(_keys_below("test", tests, {}, ""))
    text = "The keys of an item of `tests`, in a file `NAME.test.yaml` beside routes.yaml."
    parts += ["## A route test", text, _overview(keys), *map(_description, keys)]
    return page("Keys of routes.yaml", _SUMMARY, _NOTES, *parts)


def keys_of(schema: Mapping[str, Any], section: str) -> Iterator[Key]:
    """Return the keys of a section of the schema, each followed by those below it."""
    declared = schema if section == "root" else schema["$defs"][section]
    return _keys_below(section, declared, schema["$defs"], "")


def _keys_below(
    section: str, declared: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str
) -> Iterator[Key]:
    required = declared.get("required", ())
    for name, part in declared["properties"].items():
        resolved = _resolve(part, definitions)
        path = f"{prefix}{name}"
        yield Key(section, path, resolved, name in required)
        if "properties" in resolved and name != "defaults":
            yield from _keys_below(section, resolved, definitions, f"{path}.")


def _resolve(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = part.get("$ref")
    if reference is None:
        return part
    resolved: Mapping[str, Any] = definitions[reference.rsplit("/", 1)[1]]
    return resolved


def _overview(keys: list[Key]) -> str:
    rows = [
        (f"[{code(key.path)}](#{anchor(key.heading)})", type_in_words(key.schema), _default(key))
        for key in keys
    ]
    return table(("key", "type", "default"), rows)


def _default(key: Key) -> str:
    if key.is_required:
        return "required"
    if "default" not in key.schema or key.schema["default"] in ({}, []):
        return ""
    return code(_inline(key.schema["default"]))


def _description(key: Key) -> str:
    facts = [f"Type: {type_in_words(key.schema)}."]
    default = _default(key)
    if default:
        facts.append("Required." if key.is_required else f"Default: {default}.")
    if key.section == "root" and key.path in ROOT_ONLY:
        facts.append("In the root file only.")
    examples = [_example(key, each) for each in key.schema.get("examples", ())[:2]]
    text = key.schema.get("description", "")
    return "\n\n".join((f"### {key.heading}", text, " ".join(facts), block("\n".join(examples), "yaml")))


def _example(key: Key, value: Any) -> str:
    """Return a line of YAML that sets the key, below its parents."""
    for name in reversed(key.path.split(".")[1:]):
        value = {name: value}
    return f"{key.path.split('.')[0]}: {_inline(value)}"


def _inline(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
