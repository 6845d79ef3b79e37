"""ValidatingCodec: invalid data does not decode; the envelope is not validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from streamroute.adapters.codecs.builtin import CODEC_NAMES, Codec, JsonCodec, codec_named
from streamroute.adapters.codecs.validating import ValidatingCodec, data_of
from streamroute.errors import CostlyDataError, DecodeError
from streamroute.message import Message


class Own:
    """A user's codec, which cannot separate data and envelope."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        return {"type": "t", "x": 1} if fields else {"type": ["odd"]}

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
        ("json", {b"type": b"t", b"data": b'{"x": 1, "type": "own"}', b"y": b"2"}, {"x": 1, "type": "own"}),
        ("json", {b"type": b"t", b"x": b"1"}, {"x": "1"}),
        ("fields", {b"type": b"t", b"x": b"1"}, {"x": "1"}),
        ("typed-fields", {b"type": b"t", b"x": b"1"}, {"x": 1}),
        (Own(), {b"a": b"b"}, {"x": 1}),
        (Renaming(), {b"type": b"t", b"data": b'{"old": 1}'}, {"x": 1}),
        (RenamingAgain(), {b"type": b"t", b"data": b'{"old": 1}'}, {"x": 1}),
    ],
)
def test_data_is_validated_apart_from_its_envelope(
    codec: Codec | str, fields: dict[bytes, bytes], data: dict[str, Any]
) -> None:
    seen: list[Any] = []
    known = codec_named(codec) if isinstance(codec, str) else codec
    validating = ValidatingCodec(known, {"t": seen.append})
    payload = validating.decode(fields)
    assert payload == known.decode(fields)
    assert seen == [data]
    assert data_of(Message(payload, fields=fields), known) == data


def test_what_is_invalid_does_not_decode_and_says_why() -> None:
    codec = ValidatingCodec(codec_named("json"), {"t": lambda _data: "nights must be 1"})
    with pytest.raises(DecodeError, match="the data is invalid: nights must be 1"):
        codec.decode({b"type": b"t", b"data": b"{}"})
    assert codec.decode({b"type": b"u", b"data": b"{}"}) == {"type": "u"}


def test_what_is_too_costly_to_validate_is_dead_lettered_and_says_so() -> None:
    def costly(_data: Any) -> str | None:
        raise CostlyDataError

    codec = ValidatingCodec(codec_named("json"), {"t": costly})
    assert codec.is_linear, "a check that does not say is taken for a quick one"
    with pytest.raises(DecodeError, match=r"^the data is too costly to validate"):
        codec.decode({b"type": b"t", b"data": b"{}"})


def test_a_payload_without_a_proper_type_is_left_to_the_dispatcher() -> None:
    codec = ValidatingCodec(Own(), {"t": lambda _data: "no"})
    assert codec.decode({}) == {"type": ["odd"]}


def test_the_data_of_a_plain_dict_is_all_but_its_type() -> None:
    assert data_of({"type": "t", "x": 1}, codec_named("json")) == {"x": 1}
    odd = Message({"type": "t", "x": 1}, fields={b"data": b"not json"})
    assert data_of(odd, codec_named("json")) == {"x": 1}


def test_the_marker_of_a_retry_is_no_data_once_the_dispatcher_has_taken_it() -> None:
    """A closed schema would reject the retry. A marker left in the payload counts as data."""
    fields = {b"type": b"t", b"data": b'{"x": 1, "_streamroute": {"v": 2}}'}
    codec = codec_named("json")
    assert data_of(Message({"type": "t", "x": 1}, fields=fields), codec) == {"x": 1}
    forged = Message({"type": "t", "x": 1, "_streamroute": {"v": 2}}, fields=fields)
    assert data_of(forged, codec) == {"x": 1, "_streamroute": {"v": 2}}
    seen: list[Any] = []
    ValidatingCodec(codec, {"t": seen.append}).decode(fields)
    assert seen == [{"x": 1, "_streamroute": {"v": 2}}]


@pytest.mark.parametrize("name", CODEC_NAMES)
def test_it_encodes_as_the_other_does(name: str) -> None:
    payload = {"type": "t", "x": "1", "id": "1", "source": "/s", "specversion": "1.0"}
    codec = codec_named(name)
    assert ValidatingCodec(codec, {}).encode(payload) == codec.encode(payload)
