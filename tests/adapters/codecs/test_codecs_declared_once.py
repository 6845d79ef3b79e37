"""A codec is one class, listed once; this test finds by name everything else that must know it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from repository import DOCS
from streamroute.adapters.codecs.builtin import BUILT_IN, BuiltInCodec, codec_named
from streamroute.compiler.rules.expressions.route_expressions import traits_of
from streamroute.config.json_schema import schema_text
from streamroute.errors import SetupError

SCHEMA: dict[str, Any] = json.loads(schema_text())
PAGE = (DOCS / "guide" / "codecs.md").read_text("utf-8")
EVENT = {"type": "booking.confirmed", "source": "/shop", "guest": "Ada"}


class Pickle:
    """A codec known only to its class and to the list."""

    name: ClassVar = "pickle"
    summary: ClassVar = "a pickled dict"
    may_wrap_payload: ClassVar = False
    keeps_types: ClassVar = True

    def __init__(self, max_bytes: int) -> None:
        """Never called."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        """Never called."""
        raise NotImplementedError

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        """Never called."""
        raise NotImplementedError


def forgotten(codecs: Sequence[type[BuiltInCodec]], schema: dict[str, Any], page: str) -> list[str]:
    """Return the places that do not declare one of the codecs as its class does."""
    return [*_schema_places(codecs, schema), *_page_places(codecs, page), *_rule_places(codecs)]


def _schema_places(codecs: Sequence[type[BuiltInCodec]], schema: dict[str, Any]) -> Iterator[str]:
    names = [codec.name for codec in codecs]
    described = ", ".join(f"{codec.name} ({codec.summary})" for codec in codecs)
    for section in ("stream", "defaults"):
        key = schema["$defs"][section]["properties"]["codec"]
        text = key["anyOf"][0]
        if not text["pattern"].startswith(f"^({'|'.join(names)}|"):
            yield f"schemas/routes.schema.json, {section}: pattern"
        if not text["patternErrorMessage"].startswith(f"must be {', '.join(names)}, or"):
            yield f"schemas/routes.schema.json, {section}: patternErrorMessage"
        if key["examples"][: len(names)] != names:
            yield f"schemas/routes.schema.json, {section}: examples"
        if described not in key["description"]:
            yield f"schemas/routes.schema.json, {section}: description"


def _page_places(codecs: Sequence[type[BuiltInCodec]], page: str) -> Iterator[str]:
    if re.findall(r"^\| `([a-z-]+)`", page, re.MULTILINE) != [codec.name for codec in codecs]:
        yield "guide/codecs.md: the table of codecs"


def _rule_places(codecs: Sequence[type[BuiltInCodec]]) -> Iterator[str]:
    for codec in codecs:
        if traits_of([codec.name]) != (not codec.may_wrap_payload, codec.keeps_types):
            yield f"compiler/rules/expressions/route_expressions.py: {codec.name}"


def test_every_place_knows_every_codec() -> None:
    assert forgotten(BUILT_IN, SCHEMA, PAGE) == []


def test_a_forgotten_place_is_named() -> None:
    """With a new class in the list only, every place that must know it is named."""
    assert forgotten([*BUILT_IN, Pickle], SCHEMA, PAGE) == [
        "schemas/routes.schema.json, stream: pattern",
        "schemas/routes.schema.json, stream: patternErrorMessage",
        "schemas/routes.schema.json, stream: examples",
        "schemas/routes.schema.json, stream: description",
        "schemas/routes.schema.json, defaults: pattern",
        "schemas/routes.schema.json, defaults: patternErrorMessage",
        "schemas/routes.schema.json, defaults: examples",
        "schemas/routes.schema.json, defaults: description",
        "guide/codecs.md: the table of codecs",
        "compiler/rules/expressions/route_expressions.py: pickle",
    ]


@pytest.mark.parametrize("codec", BUILT_IN, ids=lambda codec: codec.name)
def test_a_listed_codec_is_found_by_its_name(codec: type[BuiltInCodec]) -> None:
    found = codec_named(codec.name)
    assert type(found) is codec
    assert EVENT.items() <= found.decode(found.encode(EVENT)).items()


@pytest.mark.parametrize("codec", BUILT_IN, ids=lambda codec: codec.name)
def test_a_codec_keeps_types_or_refuses_them(codec: type[BuiltInCodec]) -> None:
    found = codec_named(codec.name)
    if codec.keeps_types:
        assert found.decode(found.encode({**EVENT, "paid": True}))["paid"] is True
    else:
        with pytest.raises(Exception, match="holds strings only"):
            found.encode({**EVENT, "paid": True})


def test_an_unlisted_name_is_refused_with_the_listed_ones() -> None:
    names = ", ".join(codec.name for codec in BUILT_IN)
    with pytest.raises(SetupError, match=f'there is no codec "pickle"; the built-in ones are {names}'):
        codec_named("pickle")
