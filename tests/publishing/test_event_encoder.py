"""From an event to an entry: each fact is in the entry, or the event is refused."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publishing_projects import routes
from streamroute.adapters.codecs.builtin import CODEC_NAMES, Codec, codec_named
from streamroute.errors import EncodeError
from streamroute.publishing.event import Event
from streamroute.publishing.event_encoder import EventEncoder
from streamroute.publishing.settings import load_settings
from streamroute.trace_context import TraceContext

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamroute.config.document import StreamConfig

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = f"00-{'1' * 32}-{'2' * 16}-01"
wrong: Any = Event
"""Makes an event of values that a type checker would refuse."""


@pytest.fixture
def stream(tmp_path: Path) -> StreamConfig:
    return load_settings(routes(tmp_path, "redis://nowhere")).stream("bot_events")


def encoder(stream: StreamConfig, codec: Codec | str = "json") -> EventEncoder:
    return EventEncoder(stream, codec)


def fields_of(entry: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(entry[::2], entry[1::2], strict=True))


def test_the_type_and_the_data_are_the_payload(stream: StreamConfig) -> None:
    for name in CODEC_NAMES:
        entry = encoder(stream, name).encode(Event("t", {"n": "1", "source": "/shop"}))
        payload = codec_named(name).decode(fields_of(entry.fields))
        assert {"type": "t", "n": "1", "source": "/shop"}.items() <= payload.items()
        assert entry.is_plain


@pytest.mark.parametrize("name", CODEC_NAMES)
def test_every_fact_is_in_the_entry(stream: StreamConfig, name: str) -> None:
    ordered = stream._replace(order_by="tenant")
    event = Event(
        "t", {"n": "1"}, headers={"source": "/shop"}, id="order-7", delay="1.5s", key="x", traceparent=PARENT
    )
    entry = encoder(ordered, name).encode(event)
    payload = codec_named(name).decode(fields_of(entry.fields))
    assert payload["source"] == "/shop"
    assert payload["tenant"] == "x"
    assert payload["traceparent"] == PARENT
    assert (entry.id, entry.delay) == ("order-7", 1.5)
    assert (payload.get("id") == "order-7") == (name == "cloudevents")


def test_an_event_in_one_field_carries_its_trace(stream: StreamConfig) -> None:
    """The codec writes nothing but the type; the field of the context must not be left out."""
    entry = encoder(stream, "fields").encode(Event("t", traceparent=PARENT, tracestate="v=1"))
    assert fields_of(entry.fields) == {
        b"type": b"t",
        b"traceparent": PARENT.encode(),
        b"tracestate": b"v=1",
    }


def test_the_trace_of_the_program_is_the_default(stream: StreamConfig) -> None:
    encode, ambient = encoder(stream).encode, TraceContext(OTHER)
    assert fields_of(encode(Event("t"), ambient).fields)[b"traceparent"] == OTHER.encode()
    assert (
        fields_of(encode(Event("t", traceparent=PARENT), ambient).fields)[b"traceparent"] == PARENT.encode()
    )
    own = fields_of(encode(Event("t", {"traceparent": PARENT}), ambient).fields)
    assert json.loads(own[b"data"]) == {"traceparent": PARENT}
    assert b"traceparent" not in own
    header = fields_of(encode(Event("t", headers={"traceparent": PARENT}), ambient).fields)
    assert header[b"traceparent"] == PARENT.encode()


class Body:
    """A user's codec with one field, and with whatever key the test gives it."""

    def decode(self, fields: dict[bytes, bytes]) -> dict[str, Any]:
        payload: dict[str, Any] = json.loads(fields[b"body"])
        return {**payload, **{name.decode(): value.decode() for name, value in fields.items()}}

    def encode(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        return {b"body": json.dumps(payload).encode()}


def test_a_users_codec_gets_its_headers_and_an_explicit_trace_as_fields(stream: StreamConfig) -> None:
    event = Event("t", headers={"tenant": "x"}, traceparent=PARENT)
    assert fields_of(encoder(stream, Body()).encode(event).fields) == {
        b"body": b'{"type": "t"}',
        b"tenant": b"x",
        b"traceparent": PARENT.encode(),
    }
    implicit = encoder(stream, Body()).encode(Event("t"), TraceContext(OTHER))
    assert fields_of(implicit.fields) == {b"body": b'{"type": "t"}'}, "it may be a whole CloudEvent"


@pytest.mark.parametrize(
    ("order_by", "data", "key"),
    [("guest.id", {"guest": {"id": "7"}}, "7"), ("tenant", {"tenant": "7"}, "7"), ("tenant", {}, "7")],
)
def test_a_key_is_what_the_stream_orders_by(
    stream: StreamConfig, order_by: str, data: dict[str, Any], key: str
) -> None:
    entry = encoder(stream._replace(order_by=order_by)).encode(Event("t", data, key=key))
    payload = codec_named("json").decode(fields_of(entry.fields))
    assert payload == {"type": "t", **({} if data else {"tenant": key}), **data}


class Other:
    """Not a mapping, and hostile."""

    def __repr__(self) -> str:
        raise SystemExit(9)

    __str__ = __eq__ = __hash__ = __repr__  # type: ignore[assignment]  # each raises


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Event(""), 'an event needs a "type"'),
        (wrong(3), 'an event needs a "type"'),
        (wrong(Other()), 'an event needs a "type"'),
        (Event("\ud800"), "half of a surrogate pair"),
        (wrong("t", [1]), "the data of an event is a mapping with string keys"),
        (wrong("t", Other()), "the data of an event is a mapping"),
        (Event("t", {"type": "u"}), 'the data has a "type" of its own'),
        (Event("t", {"type": Other()}), 'the data has a "type" of its own'),
        (Event("t", {"_streamroute": {}}), "is reserved"),
        (wrong("t", {3: 4}), "the keys of an event are strings"),
        (Event("t", {"n": float("nan")}), "cannot be written as JSON"),
        (Event("t", {"n": Other()}), "cannot be written as JSON"),
        (wrong("t", headers=[1]), "headers are a mapping"),
        (wrong("t", headers=Other()), "headers are a mapping"),
        (wrong("t", headers={"n": 1}), "headers are strings"),
        (Event("t", id=""), "the id of an event is a string"),
        (wrong("t", id=7), "the id of an event is a string"),
        (Event("t", id="\ud800"), "half of a surrogate pair"),
        (Event("t", id="x" * 513), "has 513 bytes; at most 512"),
        (Event("t", delay=-1), "a delay is a number of seconds"),
        (Event("t", key="7"), "the stream has no order_by"),
        (Event("t", traceparent="x"), "the traceparent is not valid"),
        (wrong("t", traceparent=7), "the traceparent is not valid"),
        (Event("t", {str(n): "1" for n in range(4000)}, id="7"), "has at most 3500 fields"),
    ],
)
def test_an_event_that_cannot_be_written_is_refused(stream: StreamConfig, event: Event, message: str) -> None:
    codec = "fields" if event.id == "7" else "json"
    with pytest.raises(EncodeError, match=message):
        encoder(stream, codec).encode(event)


@pytest.mark.parametrize(
    ("order_by", "event", "message"),
    [
        ("tenant", Event("t", {"tenant": "hunter2"}, key="7"), "the key is not what order_by .tenant. gives"),
        ("tenant", Event("t", {"tenant": None}, key="7"), "the key is not what order_by"),
        ("guest.id", Event("t", key="7"), "the key is not what order_by"),
        ("length(tenant)", Event("t", {"tenant": 3}, key="7"), "the key is not what order_by"),
        ("tenant", wrong("t", key=7), "the key of an event is a string"),
        ("tenant", Event("t", key=""), "the key of an event is a string"),
    ],
)
def test_a_key_that_would_not_order_is_refused(
    stream: StreamConfig, order_by: str, event: Event, message: str
) -> None:
    with pytest.raises(EncodeError, match=message) as refused:
        encoder(stream._replace(order_by=order_by)).encode(event)
    assert "hunter2" not in str(refused.value)


class BookingType(StrEnum):
    CONFIRMED = "booking.confirmed"


def test_a_member_of_an_enumeration_is_its_value(stream: StreamConfig) -> None:
    event = Event(BookingType.CONFIRMED, {"type": BookingType.CONFIRMED}, id=BookingType.CONFIRMED)
    entry = encoder(stream).encode(event)
    assert (entry.fields[1], type(entry.id), entry.id) == (b"booking.confirmed", str, "booking.confirmed")


@pytest.mark.parametrize("event", [{"type": "t"}, ("t", {}), "t", None, Other()])
def test_what_is_not_an_event_is_refused(stream: StreamConfig, event: Any) -> None:
    with pytest.raises(EncodeError, match=r"not an Event$"):
        encoder(stream).encode(event)


def test_the_id_of_a_cloud_event_is_the_events(stream: StreamConfig) -> None:
    codec = encoder(stream, "cloudevents")
    with pytest.raises(EncodeError, match='another "id" than the event'):
        codec.encode(Event("t", {"id": "8"}, headers={"source": "/shop"}, id="7"))
    same = codec.encode(Event("t", {"id": "7"}, headers={"source": "/shop"}, id="7"))
    assert fields_of(same.fields)[b"ce-id"] == b"7"


def test_an_event_shows_no_data() -> None:
    event = Event("t", {"secret": "hunter2"}, headers={"token": "hunter2"}, key="hunter2", id="7")
    assert "hunter2" not in repr(event)
    assert "'7'" in repr(event)


@given(
    name=st.sampled_from(CODEC_NAMES),
    event_type=st.text(max_size=5),
    data=st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.none(), max_size=4),
    headers=st.none() | st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
    event_id=st.none() | st.text(max_size=5),
)
def test_what_is_encoded_is_decoded(
    name: str, event_type: str, data: dict[str, Any], headers: dict[str, str] | None, event_id: str | None
) -> None:
    settings: Any = _Settings()
    event = Event(event_type, {"source": "/shop", **data}, headers=headers, id=event_id)
    try:
        entry = encoder(settings, name).encode(event)
    except EncodeError:
        return
    payload = codec_named(name).decode(fields_of(entry.fields))
    assert {"source": "/shop", **data, **(headers or {}), "type": event_type}.items() <= payload.items()


class _Settings:
    """The only setting of a stream that an encoder reads."""

    order_by = None
