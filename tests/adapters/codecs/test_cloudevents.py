"""CloudEvents: both forms of an entry, and a reason for each invalid one."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.codecs.cloudevents import CloudEventsCodec
from streamroute.errors import DecodeError, EncodeError
from streamroute.message import Message

CODEC = CloudEventsCodec()
JSON = {"datacontenttype": "application/json"}
ATTRIBUTES = {"specversion": "1.0", "id": "A1", "source": "/shop", "type": "order.paid"}
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_LEAF = st.none() | st.booleans() | st.integers() | _TEXT
_JSON = st.recursive(_LEAF, lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner), max_leaves=6)
NAMES = ("id", "source", "subject", "time", "specversion", "datacontenttype", "dataschema", "type")


def structured(**event: Any) -> dict[bytes, bytes]:
    return {b"cloudevent": json.dumps({**ATTRIBUTES, **event}).encode()}


def binary(data: bytes | None = b'{"n": 1}', **fields: str) -> dict[bytes, bytes]:
    entry = {f"ce-{name}".encode(): value.encode() for name, value in ATTRIBUTES.items()}
    entry |= {name.replace("__", "-").encode(): value.encode() for name, value in fields.items()}
    return entry if data is None else {**entry, b"data": data}


@pytest.mark.parametrize(
    ("fields", "payload"),
    [
        pytest.param(structured(data={"n": 1}), {**ATTRIBUTES, "n": 1}, id="structured"),
        pytest.param(
            {b"event": structured(data={"n": 1})[b"cloudevent"]}, {**ATTRIBUTES, "n": 1}, id="one-field"
        ),
        pytest.param(
            {**structured(data={"n": 1}), b"content-type": b"application/cloudevents+json", b"trace": b"t"},
            {**ATTRIBUTES, "n": 1, "trace": "t"},
            id="fields-beside",
        ),
        pytest.param(
            structured(data_base64=base64.b64encode(b'{"n": 1}').decode(), datacontenttype="text/json"),
            {**ATTRIBUTES, "n": 1, "datacontenttype": "text/json"},
            id="base64",
        ),
        pytest.param(structured(), ATTRIBUTES, id="no-data"),
        pytest.param(structured(data=None, subject=None), ATTRIBUTES, id="null"),
        pytest.param(
            structured(retries=3, urgent=True),
            {**ATTRIBUTES, "retries": "3", "urgent": "true"},
            id="extensions",
        ),
        pytest.param(
            structured(data={"id": 7, "type": "inner"}), {**ATTRIBUTES, "id": 7}, id="data-wins-but-for-type"
        ),
        pytest.param(binary(), {**ATTRIBUTES, "n": 1}, id="binary"),
        pytest.param(
            {name.replace(b"-", b"_"): value for name, value in binary().items()},
            {**ATTRIBUTES, "n": 1},
            id="underscores",
        ),
        pytest.param(binary(None, ce__subject="s"), {**ATTRIBUTES, "subject": "s"}, id="binary-no-data"),
        pytest.param(
            binary(content__type="application/vnd.shop+json; charset=utf-8", trace="t"),
            {
                **ATTRIBUTES,
                "n": 1,
                "trace": "t",
                "datacontenttype": "application/vnd.shop+json; charset=utf-8",
            },
            id="content-type",
        ),
    ],
)
def test_an_entry_becomes_its_data_with_the_attributes_beside_it(
    fields: dict[bytes, bytes], payload: dict[str, Any]
) -> None:
    assert CODEC.decode(fields) == payload


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {b"type": b"t", b"data": b"{}"},
            'the entry is not a CloudEvent: it has neither a field "cloudevent" nor',
        ),
        ({}, "the entry has no fields"),
        ({b"x": b"1"}, 'the field "x" holds a number, not a JSON object'),
        ({b"cloudevent": b"{"}, 'the field "cloudevent" is not JSON'),
        (
            {b"cloudevent": b"{}"},
            'the CloudEvent has no "specversion" and no "id" and no "source" and no "type"',
        ),
        (structured(id=""), 'the CloudEvent has no "id"'),
        (structured(specversion="0.3"), "the CloudEvent is of version '0.3', and only 1.0 is read"),
        (structured(data="text"), '"data" of the CloudEvent is a string, and a payload is an object'),
        (structured(data={}, data_base64=""), 'the CloudEvent has both "data" and "data_base64"'),
        (structured(data_base64="e30="), '"data_base64" without a "datacontenttype" is binary, and only'),
        (structured(data_base64="%", **JSON), '"data_base64" of the CloudEvent is not base64'),
        (structured(data_base64=1, **JSON), '"data_base64" of the CloudEvent is not base64'),
        (structured(data_base64="WzFd", **JSON), 'the field "data_base64" holds a list, not a JSON object'),
        (
            structured(datacontenttype="text/xml", data="<a/>"),
            "the data of the CloudEvent is 'text/xml', and only",
        ),
        (structured(subject={}), "the attribute 'subject' of the CloudEvent is an object"),
        (
            binary(content__type="text/plain"),
            "the data of the CloudEvent is 'text/plain', and only JSON is read",
        ),
        (binary(ce__source=""), 'the CloudEvent has no "source"'),
        (
            {**binary(), b"ce-subject": b"%C0%A0"},
            'the field "ce-subject" is not UTF-8 where it is percent-encoded',
        ),
        (binary(b"\xff"), 'the field "data" is not UTF-8'),
        ({b"ce-id": b"\xff", b"data": b"{}"}, 'the field "id" is not UTF-8'),
    ],
)
def test_invalid_cloudevents_are_refused_with_a_reason(fields: dict[bytes, bytes], reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        CODEC.decode(fields)
    assert str(caught.value).startswith(reason)


_SOURCES = st.text("ab/:%?#", min_size=1).map(lambda text: f"/{quote(text)}")
_NAMED = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1)
_VALID = st.fixed_dictionaries(
    {"source": _SOURCES, "type": _NAMED},
    optional={
        "id": _NAMED,
        "subject": _NAMED,
        "time": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
        "dataschema": _SOURCES.map("urn:x:{}".format),
        "datacontenttype": st.sampled_from(["application/json", "text/json; charset=utf-8", "a/b+json"]),
    },
)


@given(st.dictionaries(_TEXT.filter(lambda name: name not in NAMES), _JSON), _VALID)
def test_encoding_and_decoding_keeps_data_and_attributes(
    payload: dict[str, Any], attributes: dict[str, str]
) -> None:
    event = {**payload, **attributes}
    decoded = CODEC.decode(CODEC.encode(event))
    assert {name: decoded.get(name) for name in event} == event
    assert decoded.keys() - event.keys() <= {"id", "specversion", "datacontenttype"}
    assert CODEC.decode(CODEC.encode(decoded)) == decoded


@given(st.dictionaries(st.binary(), st.binary()))
def test_any_entry_decodes_or_gets_a_printable_reason(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(DecodeError) as caught:
        CODEC.decode(fields)
    assert repr(str(caught.value)).isprintable()


def test_an_event_needs_a_source_and_gets_an_id() -> None:
    with pytest.raises(EncodeError, match='a CloudEvent needs a "source"'):
        CODEC.encode({"type": "t", "source": ""})
    one, two = (CODEC.encode({"type": "t", "source": "/s"})[b"ce-id"] for _ in range(2))
    assert one != two


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("time", value)
            for value in ("10:30", "2024-02-29", "2024-02-30T10:30:00Z", "2024-02-29T10:30:00")
        ),
        *(("time", f"2024-02-29T{rest}") for rest in ("10:30:00+10:60", "10:30:60Z", "23:59:60+01:00")),
        *(("time", value) for value in ("9999-12-31T23:59:60-01:00", "0001-01-01T00:00:60+01:00")),
        *(("time", value) for value in ("2024-02-29 10:30:00Z", "2024-02-29T25:00:00Z", "1709202600")),
        *(("dataschema", value) for value in ("order.json", "https://a b", "urn:", "1:2")),
        *(("source", value) for value in ("a shop", "größe", "10:30", "%zz", "a#b#c", "<x>", "a\nb")),
        *((name, "a\x00b") for name in ("type", "id", "subject")),
        *(("subject", value) for value in ("\uffff", "\U0001fffe", "\U0010ffff")),
        *(("datacontenttype", value) for value in ("text/xml", "json", "application/octet-stream")),
    ],
)
def test_attributes_that_cloudevents_forbids_are_not_written(name: str, value: str) -> None:
    with pytest.raises(EncodeError) as caught:
        CODEC.encode({**ATTRIBUTES, name: value})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("time", f"2024-02-29{rest}")
            for rest in ("T10:30:00Z", "t10:30:00.123456789z", "T15:59:60-08:00")
        ),
        *(("dataschema", value) for value in ("https://example.com/a?b#c", "urn:x:y")),
        *(
            ("source", value)
            for value in ("/shop", "https://example.com/%20", "urn:x", "shop", "//h:1/a", "a/b:c")
        ),
        *((name, 'größe 100% "x" \U0001f600') for name in ("type", "id", "subject")),
    ],
)
def test_attributes_that_cloudevents_allows_are_written(name: str, value: str) -> None:
    event = {**ATTRIBUTES, name: value}
    fields = CODEC.encode(event)
    assert fields[f"ce-{name}".encode()].isascii()
    assert CODEC.decode(fields) == event


def test_the_values_of_http_headers_are_decoded_once_and_those_of_kafka_are_as_they_are() -> None:
    """The HTTP binding's example; quoted values come from an older version of the binding."""
    euro = "Euro%20%E2%82%AC%20%f0%9f%98%80"
    for value, read in (
        (euro, "Euro \u20ac \U0001f600"),
        ("100%2520", "100%20"),
        ('"a \\"b\\" %41"', 'a "b" A'),
        ("100%", "100%"),
        ("gr\u00f6\u00dfe", "gr\u00f6\u00dfe"),
        ("%41", "A"),
    ):
        assert CODEC.decode({**binary(), b"ce-subject": value.encode()})["subject"] == read
    assert CODEC.decode({**binary(), b"ce_subject": euro.encode()})["subject"] == euro


def test_the_names_of_http_headers_are_read_in_any_capitals() -> None:
    """Go writes Ce-Id and Content-Type, whatever the case of its input."""
    lower = {**binary(), b"content-type": b"application/json", b"other": b"o"}
    canonical = {b"-".join(part.capitalize() for part in name.split(b"-")): lower[name] for name in lower}
    canonical[b"data"] = canonical.pop(b"Data")
    canonical[b"other"] = canonical.pop(b"Other")
    assert set(canonical) != set(lower)
    assert CODEC.decode(canonical) == CODEC.decode(lower)
    with pytest.raises(DecodeError, match="only JSON is read"):
        CODEC.decode({**canonical, b"Content-Type": b"text/plain"})


EXTENDED = {
    **binary(b'{"n": 1, "shared": "data"}'),
    b"ce-traceparent": b"00-a-b-01",
    b"ce-comexampleext": b"one%20two",
    b"ce-shared": b"attribute",
    b"ce-time": b"10:30",  # a producer's invalid time is passed on
    b"content-type": b"application/vnd.shop+json",
}


def as_message(fields: dict[bytes, bytes]) -> Message:
    return Message(CODEC.decode(fields), fields=fields)


@pytest.mark.parametrize("decode", [CODEC.decode, as_message])
def test_attributes_are_written_as_attributes_again(decode: Any) -> None:
    written = CODEC.encode(decode(EXTENDED))
    assert json.loads(written.pop(b"data")) == {"n": 1, "shared": "data"}
    assert written == {name: EXTENDED[name] for name in EXTENDED if name not in (b"ce-shared", b"data")}
    written[b"data"] = EXTENDED[b"data"]
    assert CODEC.data_of({}, written) == CODEC.data_of({}, EXTENDED)
    assert CODEC.decode(written) == CODEC.decode(EXTENDED)


def test_a_changed_attribute_is_written_with_its_new_value() -> None:
    event = as_message(EXTENDED)
    event["traceparent"] = 7
    del event["comexampleext"]
    event["time"] = "2024-02-29T10:30:00Z"
    written = CODEC.encode(event)
    assert json.loads(written[b"data"]) == {"n": 1, "shared": "data", "traceparent": 7}
    assert written[b"ce-time"] == b"2024-02-29T10:30:00Z"
    assert not {b"ce-traceparent", b"ce-comexampleext"} & written.keys()


def test_a_message_of_another_codec_brings_no_attributes() -> None:
    event = Message({**ATTRIBUTES, "n": 1}, fields={b"type": b"order.paid", b"data": b"{}"})
    assert json.loads(CODEC.encode(event)[b"data"]) == {"n": 1}


@given(st.dictionaries(st.text("abz019", min_size=1, max_size=20), _TEXT, max_size=4))
def test_any_extension_attribute_survives_a_round_trip(extensions: dict[str, str]) -> None:
    own = {name: value for name, value in extensions.items() if name not in (*NAMES, "data", "n")}
    decoded = CODEC.decode(structured(data={"n": 1}, **own))
    written = CODEC.encode(decoded)
    assert CODEC.data_of({}, written) == {"n": 1}
    assert CODEC.decode(written) == decoded


@pytest.mark.parametrize(
    ("fields", "data"),
    [
        (structured(data={"id": 7, "type": "inner"}, subject="s"), {"id": 7, "type": "inner"}),
        ({b"event": structured(data={"n": 1})[b"cloudevent"]}, {"n": 1}),
        (structured(data_base64=base64.b64encode(b'{"n": 1}').decode(), **JSON), {"n": 1}),
        (structured(data={"n": 1}, data_base64=None), {"n": 1}),
        (structured(subject="s"), {}),
        (structured(data=None), {}),
        ({**structured(data={"n": 1}), b"ce-type": b"t", b"data": b"{}"}, {"n": 1}),
        (binary(b'{"id": 7, "type": "inner"}', trace="t"), {"id": 7, "type": "inner"}),
        (binary(None), {}),
        ({name.upper() if name != b"data" else name: value for name, value in binary().items()}, {"n": 1}),
        ({name.replace(b"-", b"_"): value for name, value in binary().items()}, {"n": 1}),
    ],
)
def test_the_data_of_an_event_is_separate_from_its_envelope(
    fields: dict[bytes, bytes], data: dict[str, Any]
) -> None:
    assert CODEC.decode(fields).items() >= {**data, "type": ATTRIBUTES["type"]}.items()
    assert CODEC.data_of({}, fields) == data


def test_an_entry_that_is_not_an_event_has_no_data() -> None:
    with pytest.raises(DecodeError, match="the entry is not a CloudEvent"):
        CODEC.data_of({}, {b"type": b"t", b"data": b"{}"})


def test_an_event_too_large_is_refused() -> None:
    small = CloudEventsCodec(max_bytes=200)
    with pytest.raises(DecodeError, match="at most 200 are decoded"):
        small.decode(structured(data={"x": "a" * 200}))
    with pytest.raises(EncodeError, match="at most 200"):
        small.encode({"type": "t", "source": "s", "x": "a" * 200})


def test_a_content_type_that_is_not_text_is_reported() -> None:
    with pytest.raises(DecodeError, match="and only JSON is read"):
        CODEC.decode(binary() | {b"content-type": b"\xff/xml"})
