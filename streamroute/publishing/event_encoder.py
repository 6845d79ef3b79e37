"""Encode an event as an entry of its stream, or say why that is not possible."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.codecs.builtin import BUILT_IN, codec_named
from streamroute.adapters.codecs.cloudevents import CloudEventsCodec
from streamroute.adapters.codecs.codec_calls import decoded
from streamroute.adapters.codecs.entry_fields import MARKER
from streamroute.adapters.codecs.headers import encoded_with_headers, with_readable_fields
from streamroute.adapters.entries.field_lists import flatten_fields
from streamroute.adapters.entries.outgoing_entry import OutgoingEntry
from streamroute.errors import EncodeError
from streamroute.publishing.event import Event
from streamroute.publishing.event_delay import delay_seconds
from streamroute.text.kinds import describe_kind
from streamroute.trace_context import (
    TRACEPARENT,
    TraceContext,
    context_values,
    parse_trace_context,
    with_context,
)

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.config.document import StreamConfig
    from streamroute.core.consume.pool.key_ordering import KeyOf

_LONGEST_ID: Final = 512  # bytes of UTF-8
_MAX_FIELDS: Final = 3500  # of an entry that a script writes: it can pass some 8,000 arguments on
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOTHING: Final[Mapping[str, Any]] = {}


class EventEncoder:
    """Encodes events of one stream."""

    def __init__(self, stream: StreamConfig, codec: Codec | str) -> None:
        self.codec = codec_named(codec) if isinstance(codec, str) else codec
        self._order_by = stream.order_by
        self._key_of: KeyOf | None = None
        self._is_builtin = type(self.codec) in BUILT_IN

    def encode(self, event: Event, ambient: TraceContext | None = None) -> OutgoingEntry:
        """Return the entry of an event, in the trace ``ambient`` if it names none.

        Raises EncodeError if it cannot be published as asked.
        """
        if not isinstance(event, Event):
            raise EncodeError(f"this is {describe_kind(event)}, not an Event")
        event_id = None if event.id is None else _checked_id(event.id)
        payload = self._payload(event, event_id)
        headers = _headers(event)
        fields = encoded_with_headers(self.codec, payload, headers)
        if event.key is not None:
            fields = self._with_key(event.key, payload, headers, fields)
        entry = OutgoingEntry(
            self._traced(ambient, event, fields, payload), event_id, delay_seconds(event.delay)
        )
        if not entry.is_plain and len(entry.fields) > 2 * _MAX_FIELDS:
            raise EncodeError(f"an event with an id or a delay has at most {_MAX_FIELDS} fields")
        return entry

    def _payload(self, event: Event, event_id: str | None) -> dict[str, Any]:
        event_type = _plain(event.type)
        if not event_type:
            raise EncodeError('an event needs a "type", a string that is not empty')
        data = _NOTHING if event.data is None else event.data
        if type(data) is not dict and not isinstance(data, Mapping):
            raise EncodeError(
                f"the data of an event is a mapping with string keys, and this is {describe_kind(data)}"
            )
        if _plain(data.get("type", event_type)) != event_type:
            raise EncodeError('the data has a "type" of its own, which consumers would not see')
        if MARKER in data:
            raise EncodeError(f'the key "{MARKER}" is reserved')
        payload = {**data, "type": event_type}
        is_cloud_event = isinstance(self.codec, CloudEventsCodec)
        if is_cloud_event and event_id is not None and payload.setdefault("id", event_id) != event_id:
            raise EncodeError('the data has another "id" than the event')
        return payload

    def _with_key(
        self, key: str, payload: Mapping[str, Any], headers: Mapping[str, str], fields: dict[bytes, bytes]
    ) -> dict[bytes, bytes]:
        """Return fields by which the stream orders the event under this key."""
        if self._order_by is None:
            raise EncodeError("the stream has no order_by, so that a key has no effect")
        if type(key) is not str or not key:
            raise EncodeError("the key of an event is a string that is not empty")
        found = self._ordering_key(decoded(self.codec, dict(fields)))
        if found is None and _NAME.fullmatch(self._order_by) and self._order_by not in payload:
            fields = encoded_with_headers(self.codec, payload, {**headers, self._order_by: key})
            found = self._ordering_key(decoded(self.codec, dict(fields)))
        if found != key:
            raise EncodeError(f"the key is not what order_by ({self._order_by}) gives for this event")
        return fields

    def _ordering_key(self, payload: dict[str, Any]) -> Any:
        """Return the key under which a worker orders the event."""
        if self._key_of is None:
            from streamroute.compiler.runtime.ordering_key import order_key

            self._key_of = order_key(self._order_by or "")
        return self._key_of(payload)

    def _traced(
        self,
        ambient: TraceContext | None,
        event: Event,
        fields: dict[bytes, bytes],
        payload: Mapping[str, Any],
    ) -> list[bytes]:
        if event.traceparent is None:
            entry = flatten_fields(fields)
            return entry if ambient is None else _in_ambient_trace(ambient, entry, payload)
        context = parse_trace_context(event.traceparent, event.tracestate)
        if context is None:
            raise EncodeError("the traceparent is not valid; see https://www.w3.org/TR/trace-context/")
        headers = context.as_fields()
        if self._is_builtin:
            return flatten_fields(fields | {name.encode(): value.encode() for name, value in headers.items()})
        return flatten_fields(with_readable_fields(self.codec, fields, headers))


def _in_ambient_trace(context: TraceContext, entry: list[bytes], payload: Mapping[str, Any]) -> list[bytes]:
    """Add the context that the program is in, unless the event has one in its data or headers."""
    if TRACEPARENT in payload or context_values(entry)[0] is not None:
        return entry
    return with_context(entry, context)


def _headers(event: Event) -> Mapping[str, str]:
    if event.headers is None:
        return _NOTHING
    if not isinstance(event.headers, Mapping):
        raise EncodeError(f"headers are a mapping of strings, and this is {describe_kind(event.headers)}")
    return event.headers


def _plain(text: object) -> str | None:
    """Return a string, of an enumeration's member for example, as a plain one; None for anything else."""
    return str.__str__(text) if isinstance(text, str) else None


def _checked_id(event_id: object) -> str:
    plain = _plain(event_id)
    if not plain:
        raise EncodeError("the id of an event is a string that is not empty")
    try:
        size = len(plain.encode())
    except UnicodeEncodeError:
        raise EncodeError("the id of an event holds half of a surrogate pair") from None
    if size > _LONGEST_ID:
        raise EncodeError(f"the id of an event has {size:,} bytes; at most {_LONGEST_ID} are allowed")
    return plain
