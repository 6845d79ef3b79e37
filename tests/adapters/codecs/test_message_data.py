"""The data of a message is its payload without the envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from streamroute.adapters.codecs.builtin import Codec, JsonCodec, codec_named
from streamroute.adapters.codecs.message_data import data_reader

JSON = codec_named("json")


class Own:
    """A user's codec, which does not know its envelope."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        return {"type": "t", "x": 1}

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        return {b"x": b"1"}


class Renaming(JsonCodec):
    """A user's codec that changes another codec's decoding."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        payload = super().decode(fields)
        return {"type": payload["type"], "x": payload["old"]}


class RenamingAgain(Renaming):
    """A subclass of it."""


@pytest.mark.parametrize(
    ("codec", "fields", "data"),
    [
        ("json", {b"type": b"t", b"data": b'{"x": 1}'}, {"x": 1}),
        ("json", {b"data": b'{"x": 1}', b"type": b"t"}, {"x": 1}),
        ("json", {b"type": b"t", b"data": b'{"x": 1, "type": "own"}'}, {"x": 1, "type": "own"}),
        ("json", {b"type": b"t", b"data": b'{"x": 1, "\\u0074ype": 2}'}, {"x": 1, "type": 2}),
        ("json", {b"type": b"t", b"data": b'{"x": 1, "type": "own"}', b"y": b"2"}, {"x": 1, "type": "own"}),
        ("json", {b"type": b"t", b"data": b'{"x": {"type": 1}}'}, {"x": {"type": 1}}),
        ("json", {b"data": b'{"x": 1, "type": "t"}'}, {"x": 1, "type": "t"}),
        ("json", {b"data": b'{"x": 1, "type": "t"}', b"y": b"2"}, {"x": 1, "type": "t"}),
        ("json", {b"type": b"t", b"data": b'{"x": 1}', b"x": b"2"}, {"x": 1}),
        ("json", {b"type": b"t", b"data": b'{"x": 1}', b"y": b"2"}, {"x": 1}),
        ("json", {b"type": b"t", b"x": b"1"}, {"x": "1"}),
        ("fields", {b"type": b"t", b"x": b"1"}, {"x": "1"}),
        ("typed-fields", {b"type": b"t", b"x": b"1"}, {"x": 1}),
        (Own(), {b"a": b"b"}, {"x": 1}),
        (Renaming(), {b"type": b"t", b"data": b'{"old": 1}'}, {"x": 1}),
        (RenamingAgain(), {b"type": b"t", b"data": b'{"old": 1}'}, {"x": 1}),
    ],
)
def test_the_data_is_the_payload_without_the_envelope(
    codec: Codec | str, fields: dict[bytes, bytes], data: dict[str, Any]
) -> None:
    known = codec_named(codec) if isinstance(codec, str) else codec
    payload = known.decode(fields)
    assert data_reader(known)(payload, fields) == data
    assert payload == known.decode(fields), "the payload is unchanged"


@pytest.mark.parametrize(("payload", "left"), [({"type": "t", "x": 1}, {"x": 1}), ({"x": 1}, {"x": 1})])
@pytest.mark.parametrize("codec", [JSON, Own()])
def test_without_an_entry_the_data_is_the_payload_without_its_type(
    codec: Codec, payload: dict[str, Any], left: dict[str, Any]
) -> None:
    assert data_reader(codec)(payload, {}) == left


@pytest.mark.parametrize(
    ("codec", "fields"),
    [("json", {b"data": b"not json"}), ("cloudevents", {b"type": b"t", b"y": b"1"})],
)
def test_an_entry_of_another_codec_leaves_the_payload_without_its_type(
    codec: str, fields: dict[bytes, bytes]
) -> None:
    assert data_reader(codec_named(codec))({"type": "t", "x": 1}, fields) == {"x": 1}


def test_a_retry_marker_that_the_dispatcher_removed_is_not_data() -> None:
    """A closed schema would reject the retry. A marker that is still in the payload counts as data."""
    fields = {b"type": b"t", b"data": b'{"type": "u", "_streamroute": {"v": 2}}'}
    data_of = data_reader(JSON)
    assert data_of({"type": "t"}, fields) == {"type": "u"}
    forged = {"type": "t", "_streamroute": {"v": 2}}
    assert data_of(forged, fields) == {"type": "u", "_streamroute": {"v": 2}}
