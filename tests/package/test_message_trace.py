"""The trace context of a message: of its span, of its last attempt, or of its producer."""

from __future__ import annotations

import pytest

from messages import message_of
from streamroute.message import Message
from streamroute.message_trace import carry_trace, current_context, keep_trace, producer_context, trace_id_of
from streamroute.trace_context import TraceContext

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-11111111111111111111111111111111-2222222222222222-01"


@pytest.mark.parametrize("prefix", ["", "ce-", "ce_"])
def test_the_producer_writes_it_into_a_field_of_the_entry(prefix: str) -> None:
    raw = [f"{prefix}traceparent".encode(), PARENT.encode(), f"{prefix}tracestate".encode(), b"v=1"]
    message = Message({"type": "t"})
    message.raw = [b"type", b"t", *raw]  # as a storage reads it
    assert producer_context(message) == TraceContext(PARENT, "v=1")
    assert message.raw == [b"type", b"t", *raw]  # no dict is kept for every message


def test_the_entrys_own_field_says_more_than_the_event_that_it_carries() -> None:
    fields = {b"ce-traceparent": OTHER.encode(), b"traceparent": PARENT.encode()}
    assert producer_context(Message({}, fields=fields)) == TraceContext(PARENT)


def test_an_event_in_json_has_it_as_a_key() -> None:
    assert producer_context(Message({"traceparent": PARENT})) == TraceContext(PARENT)


def test_a_message_without_a_valid_context_has_none() -> None:
    for message in (Message({}), Message({"traceparent": 7}), Message({}, fields={b"traceparent": b"\xff"})):
        assert producer_context(message) is None
        assert trace_id_of(message) == ""


def test_a_plain_payload_has_none() -> None:
    assert current_context({"traceparent": PARENT}) is None


def test_the_span_of_the_message_comes_first() -> None:
    message = message_of({"traceparent": PARENT}, trace=TraceContext(OTHER))
    assert current_context(message) == TraceContext(OTHER)
    assert trace_id_of(message) == "1" * 32


def test_a_kept_context_survives_the_loss_of_the_fields_but_replaces_no_span() -> None:
    message = Message({}, fields={b"traceparent": PARENT.encode()})
    keep_trace(message)
    assert current_context(Message({}, delivery=message.delivery)) == TraceContext(PARENT)
    traced = message_of({"traceparent": PARENT}, trace=TraceContext(OTHER))
    keep_trace(traced)
    assert traced.delivery.trace == TraceContext(OTHER)


OWN = TraceContext(OTHER, "v=2")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ([b"type", b"t", b"data", b"{}"], [b"type", b"t", b"data", b"{}"]),
        ([b"traceparent", PARENT.encode(), b"tracestate", b"v=1", b"n", b"1"], [b"n", b"1"]),
        ([b"ce-type", b"t", b"ce-traceparent", PARENT.encode()], [b"ce-type", b"t"]),
        ([b"cloudevent", b"{}"], [b"cloudevent", b"{}"]),
    ],
)
def test_what_a_traced_message_sends_carries_its_span(entry: list[bytes], expected: list[bytes]) -> None:
    fields = dict(zip(entry[::2], entry[1::2], strict=True))
    message = message_of({"type": "t"}, fields=fields, trace=OWN)
    own = [b"traceparent", OTHER.encode(), b"tracestate", b"v=2"]
    assert carry_trace(entry, message) == [*expected, *own]


def test_a_whole_event_in_a_field_of_any_name_stays_alone() -> None:
    message = message_of({"type": "t"}, fields={b"event": b"{}"}, trace=OWN)
    assert carry_trace([b"event", b"{}"], message) == [b"event", b"{}"]


def test_without_a_span_an_entry_is_sent_as_it_came() -> None:
    for fields in ({b"traceparent": PARENT.encode() + b" ", b"tracestate": b"x" * 600}, {b"type": b"t"}):
        entry = [part for field in fields.items() for part in field]
        assert carry_trace(entry, Message({}, fields=fields)) is entry
    assert carry_trace([b"type", b"t"], {"type": "t", "traceparent": PARENT}) == [b"type", b"t"]


def test_an_entry_made_by_a_transform_carries_the_context_of_its_producer() -> None:
    message = Message({"type": "t"}, fields={b"traceparent": PARENT.encode()})
    keep_trace(message)
    made = Message({"type": "t"}, delivery=message.delivery)
    entry = [b"type", b"t", b"data", b"{}"]
    assert carry_trace(entry, made) == [*entry, b"traceparent", PARENT.encode()]
