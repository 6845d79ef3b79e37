"""A key is declared in the JSON Schema: whatever else must know it is found by this test, by name."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

from repository import DOCS
from streamroute.config.document import Document
from streamroute.config.document_builder import build_document
from streamroute.config.json_schema import schema_text
from streamroute.config.yaml.source import SourceFile, SourceLocation
from streamroute.system.files import FileReader

SCHEMA: dict[str, Any] = json.loads(schema_text())
KEYS = (DOCS / "reference" / "keys.md").read_text("utf-8")
NESTED = {"retry": ("route", "stream"), "dedupe": ("route",), "trim": ("stream",)}
"""The mappings that a route or a stream holds, and in which of them they stand."""


PLACE = SourceLocation(SourceFile("routes.yaml", "version: 1\n", {}))


def document(section: str, settings: dict[str, Any]) -> Document:
    """A configuration of one route and one stream, with settings for one of them."""
    route = {"name": "one", "type": "t", "handler": "a.b"}
    data = {
        "streams": {"s": settings if section == "stream" else {}},
        "routes": [{**route, **(settings if section == "route" else {})}],
        "defaults": settings if section == "defaults" else {},
    }
    return build_document([(PLACE.source, data)], reader=FileReader())


def content(section: str, settings: dict[str, Any]) -> tuple[object, ...]:
    """What the document says of the route, or of the stream, apart from where it is written."""
    built = document(section, settings)
    stream = built.streams["s"]
    if section != "route":
        return (*stream._replace(location=PLACE),)
    route = built.routes[0]
    return (*route._replace(location=PLACE, retry={}), route.policy_for(stream))


def declared(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Each key: its section, its name, its declaration, and the settings that stand beside it."""
    for section in ("route", "stream", "defaults"):
        for key, part in schema["$defs"][section]["properties"].items():
            yield section, key, part, {}
    for outer, sections in NESTED.items():
        properties = schema["$defs"][outer]["properties"]
        needed = {key: part["examples"][0] for key, part in properties.items()}
        needed = needed if outer == "dedupe" else {}
        for section in sections:
            for key, part in properties.items():
                yield section, f"{outer}.{key}", part, {outer: needed}


def settings_with(name: str, value: Any, beside: dict[str, Any]) -> dict[str, Any]:
    outer, _, key = name.rpartition(".")
    return {outer: {**beside[outer], key: value}} if outer else {name: value}


def forgotten(schema: dict[str, Any], page: str) -> list[str]:
    """The places that do not know a key of the schema."""
    return [
        *(f"config/document.py does not hold {place}" for place in _not_in_the_document(schema)),
        *(f"config/document_builder.py has another default for {place}" for place in _other_defaults(schema)),
        *(f"reference/keys.md lacks {place}" for place in _not_on_the_page(schema, page)),
        *(f"defaults and stream of the schema differ in {key}" for key in _different(schema)),
    ]


def _not_in_the_document(schema: dict[str, Any]) -> Iterator[str]:
    for section, name, part, beside in declared(schema):
        examples = _resolved(part, schema)["examples"]
        without = content(section, beside)
        # One example at least must differ from the default.
        if all(content(section, settings_with(name, each, beside)) == without for each in examples):
            yield f"{section}.{name}"


def _resolved(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = schema["$defs"][part["$ref"].rsplit("/", 1)[1]] if "$ref" in part else part
    return found


def _other_defaults(schema: dict[str, Any]) -> Iterator[str]:
    for section, name, part, beside in declared(schema):
        if "default" in part:
            stated = settings_with(name, part["default"], beside)
            if content(section, stated) != content(section, {}):
                yield f"{section}.{name}"


def _not_on_the_page(schema: dict[str, Any], page: str) -> Iterator[str]:
    headings = set(re.findall(r"^### (\w+: [\w.]+)$", page, re.MULTILINE))
    for section in ("route", "stream", "message"):
        for key in schema["$defs"][section]["properties"]:
            if f"{section}: {key}" not in headings:
                yield f"{section}.{key}"
    for outer, sections in NESTED.items():
        for section in sections:
            for key in schema["$defs"][outer]["properties"]:
                if f"{section}: {outer}.{key}" not in headings:
                    yield f"{section}.{outer}.{key}"
    for key in schema["properties"]:
        if f"root: {key}" not in headings:
            yield f"root.{key}"


def _different(schema: dict[str, Any]) -> list[str]:
    """A key of ``defaults`` is that of a stream, up to what editors show of it."""
    defaults, stream = schema["$defs"]["defaults"]["properties"], schema["$defs"]["stream"]["properties"]
    words = {"title", "description"}
    return sorted(
        key
        for key in defaults.keys() | stream.keys()
        if _without(defaults.get(key), words) != _without(stream.get(key), words)
    )


def _without(part: dict[str, Any] | None, words: set[str]) -> object:
    if part is None:
        return None
    choices = [choice for choice in part.get("anyOf", ()) if choice != {"$ref": "#/$defs/variable"}]
    flat = {**part, **choices[0]} if choices else part
    return {word: value for word, value in flat.items() if word not in words | {"anyOf"}}


def test_every_key_is_declared_in_all_places() -> None:
    assert forgotten(SCHEMA, KEYS) == []


def test_a_key_that_the_schema_alone_declares_is_found_by_the_name_of_each_place() -> None:
    schema = copy.deepcopy(SCHEMA)
    schema["$defs"]["route"]["properties"]["color"] = {"type": "string", "examples": ["red"]}
    schema["$defs"]["stream"]["properties"]["color"] = {"type": "string", "examples": ["red"]}
    schema["$defs"]["retry"]["properties"]["delay"]["default"] = "7s"
    assert forgotten(schema, KEYS) == [
        "config/document.py does not hold route.color",
        "config/document.py does not hold stream.color",
        "config/document_builder.py has another default for route.retry.delay",
        "config/document_builder.py has another default for stream.retry.delay",
        "reference/keys.md lacks route.color",
        "reference/keys.md lacks stream.color",
        "defaults and stream of the schema differ in color",
    ]
