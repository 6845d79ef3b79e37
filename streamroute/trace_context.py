"""W3C trace context: the ids that connect the spans of a message across services.

Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
_MAX_STATE: Final = 512  # characters that the standard requires to be passed on
_MAX_PARENT: Final = 200  # characters; a later version may be longer than the 55 of version 00
_PARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]*)?")
_STATE: Final = re.compile(r"[\x20-\x7e]*")
_VERSION: Final = "00"
_INVALID_VERSION: Final = "ff"


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
