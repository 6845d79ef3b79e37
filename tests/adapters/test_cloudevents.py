"""CloudEvents: both forms of an entry, and a reason for each that is none."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.cloudevents import CloudEventsCodec
from streamroute.errors import DecodeError, EncodeError

CODEC = CloudEventsCodec()
ATTRIBUTES = {"specversion": "1.0", "id": "A1", "source": "/shop", "type": "order.paid"}
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_LEAF = st.none() | st.booleans() | st.integers() | _TEXT
_JSON = st.recursive(_LEAF, lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner), max_leaves=6)
_NAMES = st.sampled_from(["id", "source", "subject", "time", "specversion", "datacontenttype", "data"])


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
            structured(data_base64=base64.b64encode(b'{"n": 1}').decode()),
            {**ATTRIBUTES, "n": 1},
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
            'the entry is no CloudEvent: it has no field "cloudevent", and none',
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
        (structured(data_base64="%"), '"data_base64" of the CloudEvent is not base64'),
        (structured(data_base64=1), '"data_base64" of the CloudEvent is not base64'),
        (structured(data_base64="WzFd"), 'the field "data_base64" holds a list, not a JSON object'),
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
        (binary(b"\xff"), 'the field "data" is not UTF-8'),
        ({b"ce-id": b"\xff", b"data": b"{}"}, 'the field "id" is not UTF-8'),
    ],
)
def test_what_is_no_cloudevent_has_a_reason(fields: dict[bytes, bytes], reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        CODEC.decode(fields)
    assert str(caught.value).startswith(reason)


@given(st.dictionaries(_TEXT | _NAMES, _JSON), _TEXT.filter(bool), _TEXT.filter(bool))
def test_what_is_encoded_decodes_to_the_same_with_attributes_of_its_own(
    payload: dict[str, Any], source: str, kind: str
) -> None:
    event = {**payload, "source": source, "type": kind}
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


def test_its_data_is_apart_from_its_envelope() -> None:
    assert CODEC.separate(structured(data={"id": 7}, subject="s"))[0] == {"id": 7}
    assert CODEC.separate(binary())[0] == {"n": 1}


def test_an_event_too_large_is_refused() -> None:
    small = CloudEventsCodec(max_bytes=200)
    with pytest.raises(DecodeError, match="at most 200 are decoded"):
        small.decode(structured(data={"x": "a" * 200}))
    with pytest.raises(EncodeError, match="at most 200"):
        small.encode({"type": "t", "source": "s", "x": "a" * 200})


def test_a_content_type_that_is_no_text_is_told() -> None:
    with pytest.raises(DecodeError, match="and only JSON is read"):
        CODEC.decode(binary() | {b"content-type": b"\xff/xml"})
