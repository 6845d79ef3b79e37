"""W3C trace context: the ids that connect the spans of a message across services.

Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
_MAX_STATE: Final = 512  # characters that the standard requires to be passed on
_MAX_PARENT: Final = 200  # characters; a later version may be longer than the 55 of version 00
_PARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]*)?")
_STATE: Final = re.compile(r"[\x20-\x7e]*")
_VERSION: Final = "00"
_INVALID_VERSION: Final = "ff"


_FIELDS: Final = tuple(prefix + TRACEPARENT.encode() for prefix in (b"", b"ce-", b"ce_"))
"""Fields with the context: the entry's own, or the extension of a CloudEvent.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/distributed-tracing.md
"""
_STATE_FIELDS: Final = tuple(name.replace(TRACEPARENT.encode(), TRACESTATE.encode()) for name in _FIELDS)
_WHOLE_EVENT: Final = b"cloudevent"


class TraceContext(NamedTuple):
    """A valid trace context; ``tracestate`` is empty if there is none."""

    traceparent: str
    tracestate: str = ""

    @property
    def trace_id(self) -> str:
        """The id of the trace: 32 hexadecimal digits."""
        return self.traceparent[3:35]

    @property
    def span_id(self) -> str:
        """The id of the span: 16 hexadecimal digits."""
        return self.traceparent[36:52]

    @property
    def flags(self) -> int:
        """The flags of the trace; bit 0 is set if it is sampled."""
        return int(self.traceparent[53:55], 16)

    def as_fields(self) -> dict[str, str]:
        """Return the headers, or fields of an entry, that carry the context."""
        state = {TRACESTATE: self.tracestate} if self.tracestate else {}
        return {TRACEPARENT: self.traceparent, **state}


def parse_trace_context(traceparent: object, tracestate: object = None) -> TraceContext | None:
    """Return the context of these values, from an entry or a header; None if ``traceparent`` is not valid.

    A ``tracestate`` that is not valid, or longer than 512 characters, is left out.
    """
    parent = _text(traceparent).strip(" \t")
    match = _PARENT.fullmatch(parent) if len(parent) <= _MAX_PARENT else None
    if match is None:
        return None
    version, trace_id, span_id, _, later = match.groups()
    if version == _INVALID_VERSION or (version == _VERSION and later) or not trace_id.strip("0"):
        return None
    if not span_id.strip("0"):
        return None
    state = _text(tracestate).strip(" \t")
    return TraceContext(parent, state if len(state) <= _MAX_STATE and _STATE.fullmatch(state) else "")


def _text(value: object) -> str:
    """Return a value from outside as text; empty if it is neither text nor ASCII bytes."""
    if type(value) is bytes:
        return value.decode("ascii", "replace") if len(value) <= _MAX_STATE else ""
    return value if type(value) is str else ""


def context_values(raw: Mapping[bytes, bytes] | list[bytes]) -> tuple[bytes | None, bytes | None]:
    """Return what the fields of an entry, or its names and values in turn, have as its trace context."""
    if not raw:
        return None, None
    fields = raw if isinstance(raw, Mapping) else dict(zip(raw[::2], raw[1::2], strict=True))
    for name, state_name in zip(_FIELDS, _STATE_FIELDS, strict=True):
        if name in fields:
            return fields[name], fields.get(state_name)
    return None, None


def with_context(entry: list[bytes], context: TraceContext) -> list[bytes]:
    """Return an entry, names and values in turn, with this context instead of any other.

    An entry with a single field is returned unchanged: that may be a whole CloudEvent, which is recognized by
    having no other field beside it.
    """
    fields = dict(zip(entry[::2], entry[1::2], strict=True))
    if len(fields) == 1 and _WHOLE_EVENT not in fields:
        return entry
    others = {name: value for name, value in fields.items() if name not in (*_FIELDS, *_STATE_FIELDS)}
    own = {name.encode(): value.encode() for name, value in context.as_fields().items()}
    return [part for field in {**others, **own}.items() for part in field]
