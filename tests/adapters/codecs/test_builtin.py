"""Codecs: entries to payloads and back, with a clear reason for each entry that cannot be decoded."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamroute.adapters.codecs.builtin import CODEC_NAMES, Codec, JsonCodec, codec_named
from streamroute.errors import DecodeError, EncodeError, SetupError
from streamroute.message import Message

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
_JSON = st.recursive(_LEAF, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=10)
PLAIN = [name for name in CODEC_NAMES if name != "cloudevents"]  # it has its own attributes
TYPES = TEXT.filter(bool)


def events(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of payloads with a type."""
    return st.builds(lambda data, kind: data | {"type": kind}, st.dictionaries(TEXT, values), TYPES)


def decoded(codec: Codec, fields: dict[bytes, bytes]) -> dict[str, Any] | str:
    """Return the payload, or the reason why the entry cannot be decoded."""
    try:
        return codec.decode(fields)
    except DecodeError as error:
        return str(error)


@pytest.mark.parametrize("name", ["json", "typed-fields"])
@given(data=st.data())
def test_an_event_survives_encode_and_decode(name: str, data: st.DataObject) -> None:
    payload = data.draw(events(_JSON | st.sampled_from(["1", "true", '"', "[", "NaN", " 2", "nan", "1e400"])))
    codec = codec_named(name)
    assert codec.decode(codec.encode(payload)) == payload


@given(events(TEXT))
def test_an_event_of_strings_survives_every_codec(payload: dict[str, Any]) -> None:
    for name in PLAIN:
        codec = codec_named(name)
        assert codec.decode(codec.encode(Message(payload))) == payload


@pytest.mark.parametrize("name", CODEC_NAMES)
@given(fields=st.dictionaries(st.binary(), st.binary()))
def test_any_entry_decodes_to_printable_strings_or_gets_a_reason(
    name: str, fields: dict[bytes, bytes]
) -> None:
    outcome = decoded(codec_named(name), fields)
    assert repr(outcome).isprintable()
    repr(outcome).encode()
    if isinstance(outcome, dict) and b"type" in fields:
        assert outcome["type"] == fields[b"type"].decode()


@pytest.mark.parametrize(
    ("fields", "payload"),
    [
        pytest.param(
            {b"type": b"a", b"data": b'{"n": 1}', b"source": b"web"},
            {"type": "a", "n": 1, "source": "web"},
            id="data-beside-the-envelope",
        ),
        pytest.param(
            {b"type": b"a", b"data": b'{"type": "b", "source": "data"}', b"source": b"envelope"},
            {"type": "a", "source": "data"},
            id="the-envelope's-type-wins-and-data-wins-else",
        ),
        pytest.param({b"data": b'{"type": "b"}'}, {"type": "b"}, id="type-in-data-alone"),
        pytest.param({b"type": b"a", b"n": b"1"}, {"type": "a", "n": "1"}, id="flat-strings"),
        pytest.param({b"type": b"", b"data": b'{"type": "b"}'}, {"type": ""}, id="an-empty-type-is-a-type"),
    ],
)
def test_json_reads_an_envelope_with_data(fields: dict[bytes, bytes], payload: dict[str, Any]) -> None:
    assert codec_named("json").decode(fields) == payload


def test_json_writes_the_type_beside_the_data() -> None:
    fields = codec_named("json").encode({"type": "a", "guest": {"name": "Zoë"}, "data": [1]})
    assert fields == {b"type": b"a", b"data": '{"guest":{"name":"Zoë"},"data":[1]}'.encode()}


def test_fields_leaves_every_value_a_string() -> None:
    assert codec_named("fields").decode({b"type": b"a", b"data": b'{"n": 1}'}) == {
        "type": "a",
        "data": '{"n": 1}',
    }


def test_typed_fields_reads_json_where_it_is_json() -> None:
    fields = {
        b"type": b"1",
        b"nights": b"3",
        b"vip": b"true",
        b"tags": b'["a"]',
        b"name": b"tom",
        b"zip": b"0123",
        b"nan": b"NaN",
        b"empty": b"",
        b"quoted": b'"7"',
    }
    assert codec_named("typed-fields").decode(fields) == {
        "type": "1",
        "nights": 3,
        "vip": True,
        "tags": ["a"],
        "name": "tom",
        "zip": "0123",
        "nan": "NaN",
        "empty": "",
        "quoted": "7",
    }


@pytest.mark.parametrize(
    ("codec", "fields", "reason"),
    [
        ("json", {}, "the entry has no fields"),
        ("fields", {}, "the entry has no fields"),
        ("json", {b"data": b"{broken"}, 'the field "data" is not JSON: Expecting property name'),
        ("json", {b"data": b""}, 'the field "data" is empty, not JSON'),
        ("json", {b"data": b"[1]"}, "the field \"data\" holds a list, not a JSON object: b'[1]'"),
        ("json", {b"data": b"null"}, 'the field "data" holds null, not a JSON object'),
        ("json", {b"data": b"true"}, 'the field "data" holds true, not a JSON object'),
        ("json", {b"data": b"3"}, 'the field "data" holds a number, not a JSON object'),
        ("json", {b"data": b'{"a": "\xff"}'}, 'the field "data" is not UTF-8 at byte 7'),
        ("json", {b"data": b"{}", b"type": b"\xff"}, "the field \"type\" is not UTF-8: b'\\xff'"),
        ("json", {b"data": b"{}", b"\xfe": b"a"}, "the name of a field is not UTF-8: b'\\xfe'"),
        ("json", {b"data": b"{" * 100_000}, 'the field "data" is not JSON: Expecting property name'),
        ("json", {b"data": b'{"a":' * 100_000}, 'the field "data" is nested deeper than 200 levels'),
        ("fields", {b"a\nb": b"\xff"}, r'the field "a\nb" is not UTF-8'),
        ("fields", {b"data": b"\xff"}, 'the field "data" is not UTF-8'),
        ("typed-fields", {b"a": b"[" * 201 + b"]" * 201}, 'the field "a" is nested deeper than 200 levels'),
    ],
)
def test_an_unreadable_entry_has_a_reason(codec: str, fields: dict[bytes, bytes], reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        codec_named(codec).decode(fields)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("codec", PLAIN)
def test_an_entry_beyond_the_size_limit_is_neither_read_nor_written(codec: str) -> None:
    small = codec_named(codec, max_bytes=1000)
    assert small.decode({b"type": b"a", b"text": b"x" * 900})
    with pytest.raises(DecodeError, match=r"the entry has 1,009 bytes; at most 1,000 are decoded"):
        small.decode({b"type": b"a", b"text": b"x" * 1000})
    with pytest.raises(EncodeError, match=r"at most 1,000"):
        small.encode({"type": "a", "text": "x" * 1000})


@pytest.mark.parametrize("codec", PLAIN)
def test_an_entry_of_the_size_limit_is_read_and_written_and_one_of_a_byte_more_is_not(codec: str) -> None:
    """Names and values of all fields count."""
    payload = {"type": "a" * 20, "text": "x" * 30}
    fields = codec_named(codec).encode(payload)
    size = sum(len(name) + len(value) for name, value in fields.items())
    exact, small = codec_named(codec, max_bytes=size), codec_named(codec, max_bytes=size - 1)
    assert exact.decode(exact.encode(payload)) == payload
    for refused in (lambda: small.encode(payload), lambda: small.decode(fields)):
        with pytest.raises((EncodeError, DecodeError), match=f"{size} bytes; at most {size - 1} "):
            refused()


@pytest.mark.parametrize(
    "fields",
    [
        {b"type": b"a" * 60, b"data": b"{}"},
        {b"type": b"a", b"data": b'{"text": "' + b"x" * 60 + b'"}'},
        {b"type": b"a", b"data": b"{}", b"text": b"x" * 60},
        {b"a": b"1", b"data": b"{}", b"text": b"x" * 60},
    ],
)
def test_json_refuses_every_way_to_be_too_large_in_each_of_its_readings(fields: dict[bytes, bytes]) -> None:
    size = sum(len(name) + len(value) for name, value in fields.items())
    parts = [part for field in fields.items() for part in field]
    exact, small = JsonCodec(max_bytes=size), JsonCodec(max_bytes=size - 1)
    payload = JsonCodec().decode(fields)
    assert exact.decode(fields) == payload
    assert exact.data_of(payload, fields) == json.loads(fields[b"data"])
    assert exact.decode_fast(parts) == (payload if len(fields) == 2 and b"type" in fields else None)
    assert small.decode_fast(parts) is None
    with pytest.raises(DecodeError, match="bytes; at most"):
        small.decode(fields)


def test_the_short_way_is_for_a_type_and_then_data_alone() -> None:
    codec = JsonCodec()
    assert codec.decode_fast([b"type", b"a", b"data", b'{"n": 1}']) == {"type": "a", "n": 1}
    for parts in (
        [b"data", b"{}", b"type", b"a"],
        [b"type", b"a", b"more", b"{}"],
        [b"kind", b"a", b"data", b"{}"],
        [b"type", b"a"],
        [b"type", b"a", b"data", b"{}", b"n", b"1"],
        [b"type", b"a", b"data", b"{"],
        [b"type", b"a", b"data", b"[]"],
        [b"type", b"\xff", b"data", b"{}"],
    ):
        assert codec.decode_fast(parts) is None


_NUMBERS = st.integers(-(2**70), 2**70).map(str) | st.from_regex(
    r"-?[1-9][0-9]{0,24}(\.[0-9]{1,25})?", fullmatch=True
)
_ROWS = st.lists(st.tuples(TEXT, _NUMBERS), max_size=20)


@given(_ROWS, TEXT, st.sampled_from(["}", "", "]"]))
@example([("", "18446744073709551616")], "a", "}")
@example([("", "-9223372036854775809")], "a", "}")
@example([("a", "1" * 16), ("b", "2" * 16)], "a", "}")
@example([("a", "1")], "x" * 300, "}")
def test_the_short_way_gives_the_same_payload(rows: list[tuple[str, str]], kind: str, end: str) -> None:
    """As text: 1 == 1.0."""
    data = "{" + ",".join(f"{json.dumps(name)}: {number}" for name, number in rows) + end
    fields = {b"type": kind.encode(), b"data": data.encode()}
    codec = JsonCodec()
    for _ in range(2):  # the second time, the type is known
        fast = codec.decode_fast([part for field in fields.items() for part in field])
        if fast is not None or (end == "}" and len(kind.encode()) <= 200):
            assert repr(fast) == repr(codec.decode(fields))


@pytest.mark.parametrize("codec", CODEC_NAMES)
@pytest.mark.parametrize("payload", [{}, {"type": ""}, {"type": 5}, {"type": None}, {"type": "a", 1: "b"}])
def test_an_event_without_a_type_or_with_odd_keys_is_not_written(codec: str, payload: Any) -> None:
    with pytest.raises(EncodeError):
        codec_named(codec).encode(payload)


@pytest.mark.parametrize(
    ("codec", "value", "reason"),
    [
        ("json", math.nan, '"data" cannot be written as JSON'),
        ("json", {1}, '"data" cannot be written as JSON: Object of type set is not JSON serializable'),
        ("json", "\ud800", '"data" cannot be written as JSON: holds half of a surrogate pair'),
        ("fields", "\ud800", "'a' holds half of a surrogate pair"),
        ("fields", 3, 'the codec "fields" holds strings only, and "a" is a number'),
        ("typed-fields", math.inf, '"a" cannot be written as JSON'),
    ],
)
def test_a_value_that_cannot_be_written_has_a_reason(codec: str, value: Any, reason: str) -> None:
    with pytest.raises(EncodeError) as caught:
        codec_named(codec).encode({"type": "a", "a": value})
    assert reason in str(caught.value)


def test_typed_fields_writes_a_string_of_too_deep_json_as_a_string() -> None:
    codec, deep = codec_named("typed-fields"), "[" * 300 + "]" * 300
    assert codec.decode(codec.encode({"type": "a", "text": deep})) == {"type": "a", "text": deep}


def test_an_unknown_codec_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(SetupError, match='no codec "jsn"; the built-in ones are json, fields, typed-fields'):
        codec_named("jsn")


def test_a_plain_class_is_a_codec() -> None:
    class Upper:
        def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
            return {"type": fields[b"t"].decode().upper()}

        def encode(self, payload: Any) -> dict[bytes, bytes]:
            return {b"t": str(payload["type"]).lower().encode()}

    codec: Codec = Upper()
    assert codec.decode(codec.encode({"type": "A"})) == {"type": "A"}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("gold", b"gold"),
        ("", b""),
        ("true story", b"true story"),
        ("true", b'"true"'),
        ("12", b'"12"'),
        ("12 monkeys", b"12 monkeys"),
        ('"', b'"'),
        ("ängste", "ängste".encode()),
    ],
)
def test_a_text_is_quoted_where_it_would_be_read_as_something_else(text: str, field: bytes) -> None:
    codec = codec_named("typed-fields")
    fields = codec.encode({"type": "booked", "note": text})
    assert fields[b"note"] == field
    assert codec.decode(fields)["note"] == text
