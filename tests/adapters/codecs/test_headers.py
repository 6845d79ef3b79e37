"""Headers of an event: each codec reads back what was written, or they are refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.adapters.codecs.builtin import CODEC_NAMES, codec_named
from streamroute.adapters.codecs.headers import encoded_with_headers
from streamroute.errors import EncodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

PAYLOAD = {"type": "t", "n": "1", "source": "/shop"}


@pytest.mark.parametrize("name", CODEC_NAMES)
@pytest.mark.parametrize("value", ["x", "größer 100%", "17", "true", '{"a": 1}', '"quoted"'])
def test_a_header_is_a_key_of_the_payload(name: str, value: str) -> None:
    codec = codec_named(name)
    fields = encoded_with_headers(codec, PAYLOAD, {"tenant": value})
    payload = codec.decode(fields)
    assert payload["tenant"] == value
    assert PAYLOAD.items() <= payload.items()


def test_headers_are_attributes_of_a_cloud_event() -> None:
    codec = codec_named("cloudevents")
    headers = {"source": "/shop", "subject": "7", "tenant": "größer"}
    fields = encoded_with_headers(codec, {"type": "t", "id": "7"}, headers)
    assert fields[b"ce-source"] == b"/shop"
    assert fields[b"ce-subject"] == b"7"
    assert fields[b"ce-tenant"] == b"gr%C3%B6%C3%9Fer"
    assert json.loads(fields[b"data"]) == {}


@pytest.mark.parametrize(
    ("name", "header", "message"),
    [
        ("json", {"n": "2"}, '"n" is a header and a key of the data'),
        ("fields", {"n": "2"}, '"n" is a header and a key of the data'),
        ("cloudevents", {"n": "2"}, '"n" is a header and a key of the data'),
        ("json", {"data": "2"}, 'a header cannot have the name "data"'),
        ("json", {"": "2"}, 'a header cannot have the name ""'),
        ("json", {3: "2"}, "a header cannot have the name 3"),
        ("json", {"_streamroute": "2"}, "a header cannot have the name"),
        ("json", {"tenant": 2}, 'the header "tenant" is not a string'),
        ("json", {"tenant": "\ud800"}, "half of a surrogate pair"),
        ("json", {"\ud800": "2"}, "half of a surrogate pair"),
        ("json", {"tenant": "x" * (64 * 1024 * 1024)}, "at most"),
        ("cloudevents", {"Tenant": "x"}, "lower-case letters and digits"),
        ("cloudevents", {"tenant": ""}, "is empty"),
        ("cloudevents", {"tenant": "a\nb"}, "control characters"),
        ("cloudevents", {"time": "yesterday"}, "RFC 3339"),
        ("cloudevents", {"id": "7"}, 'pass id="..."'),
        ("cloudevents", {"specversion": "2.0"}, "is not a header of a CloudEvent"),
        ("cloudevents", {"datacontenttype": "image/png"}, "only JSON is written"),
    ],
)
def test_a_header_that_cannot_be_carried_is_refused(name: str, header: Any, message: str) -> None:
    with pytest.raises(EncodeError, match=message):
        encoded_with_headers(codec_named(name), PAYLOAD, header)


class Strict:
    """A user's codec with one field; it refuses others unless it is tolerant."""

    def __init__(self, *, tolerant: bool) -> None:
        self.tolerant = tolerant

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        if not self.tolerant:
            (body,) = fields.values()
        else:
            body = fields[b"body"]
        payload: dict[str, Any] = json.loads(body)
        return payload

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        return {b"body": json.dumps(payload).encode()}


def test_headers_are_fields_beside_those_of_a_users_codec() -> None:
    fields = encoded_with_headers(Strict(tolerant=True), {"type": "t"}, {"tenant": "x"})
    assert fields == {b"body": b'{"type": "t"}', b"tenant": b"x"}


def test_a_users_codec_that_cannot_read_headers_is_refused() -> None:
    with pytest.raises(EncodeError, match='cannot read an entry with the header "tenant": the codec failed'):
        encoded_with_headers(Strict(tolerant=False), {"type": "t"}, {"tenant": "x"})
    with pytest.raises(EncodeError, match='writes a field "body" itself'):
        encoded_with_headers(Strict(tolerant=True), {"type": "t"}, {"body": "x"})


@given(
    name=st.sampled_from(CODEC_NAMES),
    headers=st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=4),
    data=st.dictionaries(st.text(max_size=10), st.text(max_size=20), max_size=4),
)
def test_headers_and_data_are_read_back_or_refused(
    name: str, headers: dict[str, str], data: dict[str, str]
) -> None:
    codec = codec_named(name)
    payload = {"source": "/shop", **data, "type": "t"}
    try:
        fields = encoded_with_headers(codec, payload, headers)
    except EncodeError:
        return
    assert {**payload, **headers}.items() <= codec.decode(fields).items()
