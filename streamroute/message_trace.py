"""The trace context of a message: from its entry, or of the span in which it is processed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamroute.message import Message
from streamroute.trace_context import (
    TRACEPARENT,
    TRACESTATE,
    TraceContext,
    context_values,
    parse_trace_context,
    with_context,
)


def producer_context(payload: Mapping[str, Any]) -> TraceContext | None:
    """Return the context that the producer wrote into the entry; None without a valid one.

    It is a field of the entry, or a key of its payload: of a CloudEvent in JSON, for example.
    """
    if not isinstance(payload, Message):
        return None
    parent, state = context_values(payload.raw)
    if parent is None:
        parent, state = payload.get(TRACEPARENT), payload.get(TRACESTATE)
    return None if parent is None else parse_trace_context(parent, state)


def current_context(payload: Mapping[str, Any]) -> TraceContext | None:
    """Return the context that whatever a handler sends belongs to.

    That is the current span's with ``serve --traces``. Without it, that of the last attempt if it was traced,
    else the producer's.
    """
    if not isinstance(payload, Message):
        return None
    return payload.delivery.trace or producer_context(payload)


def trace_id_of(payload: Mapping[str, Any]) -> str:
    """Return the id of the trace that a message belongs to; empty if it has none."""
    context = current_context(payload)
    return "" if context is None else context.trace_id


def keep_trace(payload: Mapping[str, Any]) -> None:
    """Keep the context of the producer beside a message, for a copy that loses the entry's fields."""
    if isinstance(payload, Message) and payload.delivery.trace is None:
        payload.delivery.trace = producer_context(payload)


def carry_trace(entry: list[bytes], payload: Mapping[str, Any]) -> list[bytes]:
    """Return the entry, made from the payload of a message, with the current context of that message.

    Names and values alternate. An entry with the context of its producer stays as it is.
    """
    context = current_context(payload)
    if context is None or context == producer_context(payload):
        return entry
    return with_context(entry, context)
