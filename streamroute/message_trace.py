"""The trace context of a message: from its entry, or of the span in which it is processed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from streamroute.message import Message
from streamroute.trace_context import TRACEPARENT, TRACESTATE, TraceContext, parse_trace_context

_FIELDS: Final = tuple(prefix + TRACEPARENT.encode() for prefix in (b"", b"ce-", b"ce_"))
"""Fields with the context: the entry's own, or the extension of a CloudEvent.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/distributed-tracing.md
"""
_STATE_FIELDS: Final = tuple(name.replace(TRACEPARENT.encode(), TRACESTATE.encode()) for name in _FIELDS)
_NO_STATE: Final = (None, None)
_WHOLE_EVENT: Final = b"cloudevent"


def producer_context(payload: Mapping[str, Any]) -> TraceContext | None:
    """Return the context that the producer wrote into the entry; None without a valid one.

    It is a field of the entry, or a key of its payload: of a CloudEvent in JSON, for example.
    """
    if not isinstance(payload, Message):
        return None
    parent, state = _raw_context(payload.raw)
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

    Names and values alternate. The entry is returned unchanged if that context is the producer's, which it
    carries already, and if it has a single field: that may be a whole CloudEvent, which is recognized by
    having no other field beside it.
    """
    context = current_context(payload)
    if context is None or context == producer_context(payload):
        return entry
    fields = dict(zip(entry[::2], entry[1::2], strict=True))
    if len(fields) == 1 and _WHOLE_EVENT not in fields:
        return entry
    others = {name: value for name, value in fields.items() if name not in (*_FIELDS, *_STATE_FIELDS)}
    own = {name.encode(): value.encode() for name, value in context.as_fields().items()}
    return [part for field in {**others, **own}.items() for part in field]


def _raw_context(raw: Mapping[bytes, bytes] | list[bytes]) -> tuple[bytes | None, bytes | None]:
    if not raw:
        return _NO_STATE
    fields = raw if isinstance(raw, Mapping) else dict(zip(raw[::2], raw[1::2], strict=True))
    for name, state_name in zip(_FIELDS, _STATE_FIELDS, strict=True):
        if name in fields:
            return fields[name], fields.get(state_name)
    return _NO_STATE
