"""The trace context of a message: of its span, of its last attempt, or of its producer."""

from __future__ import annotations

import pytest

from messages import message_of
from streamroute.message import Message
from streamroute.message_trace import current_context, keep_trace, producer_context, trace_id_of
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
