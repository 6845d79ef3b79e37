"""An event to publish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """An event for ``publish_many``; its representation shows neither data nor headers.

    ``type``
        the type, by which routes match: ``"booking.confirmed"``.
    ``data``
        the data: a mapping with string keys; None is an empty one.
    ``headers``
        facts beside the data, as strings. With the codec ``cloudevents`` they are attributes of the event;
        with every other built-in codec, keys of the payload, which must not be in the data.
    ``id``
        makes publishing idempotent: an id that was published to the stream in the last day (``id_ttl`` of
        the publisher) is not written again, and publishing it returns what it returned the first time.
        With ``cloudevents`` it is also the ``id`` of the event.
    ``delay``
        seconds, or a duration such as ``"30s"``, after which the event is added to the stream.
    ``key``
        the value by which the stream's ``order_by`` orders the event. If ``order_by`` is a single name that
        the event does not have, the key is written under that name; otherwise it must be what ``order_by``
        gives for the event.
    ``traceparent``, ``tracestate``
        the W3C trace context that the event belongs to; by default that of OpenTelemetry's current span.

    >>> event = Event("booking.confirmed", {"nights": 3}, id="order-7")
    >>> await publisher.publish_many("bot_events", [event])  # doctest: +SKIP
    """

    type: str
    data: Mapping[str, Any] | None = field(default=None, repr=False)
    _: KW_ONLY
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    id: str | None = None
    delay: float | str | None = None
    key: str | None = field(default=None, repr=False)
    traceparent: str | None = None
    tracestate: str | None = None
