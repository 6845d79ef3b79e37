"""Encode the events of one stream, checked as publishing promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamroute.errors import EncodeError
from streamroute.publishing.current_trace import current_trace
from streamroute.publishing.event_checker import EventChecker
from streamroute.publishing.event_encoder import EventEncoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamroute.adapters.entries.outgoing_entry import OutgoingEntry
    from streamroute.publishing.event import Event
    from streamroute.publishing.settings import PublishSettings
    from streamroute.trace_context import TraceContext


class CheckedEncoder:
    """Encodes the events of a declared stream, and checks them against the catalogue on demand.

    ``ambient`` returns the trace of an event that names none. Raises SetupError for a stream that the
    configuration does not declare.
    """

    def __init__(
        self,
        settings: PublishSettings,
        stream: str,
        ambient: Callable[[], TraceContext | None] = current_trace,
    ) -> None:
        config = settings.stream(stream)
        codec = settings.codecs.get(stream, config.codec)
        self._settings = settings
        self._stream = stream
        self._encoder = EventEncoder(config, codec)
        self._is_consumed = bool(settings.document.served(stream))
        self._checker: EventChecker | None = None
        self.codec = self._encoder.codec
        self.ambient = ambient

    def encode(self, event: Event, *, validate: bool) -> OutgoingEntry:
        """Return the entry of an event.

        Raises EncodeError if it cannot be published as asked. With ``validate``, raises PayloadError if it
        does not fit the catalogue, and SetupError if the configuration has nothing to check with.
        """
        return self.encode_in(self.ambient(), event, validate=validate)

    def encode_in(self, trace: TraceContext | None, event: Event, *, validate: bool) -> OutgoingEntry:
        """Return what ``encode`` does, with this trace for an event that names none."""
        entry = self._encoder.encode(event, trace)
        if entry.delay is not None and not self._is_consumed:
            raise EncodeError(
                f"no route consumes {self._stream}, so that no worker would add the event after its delay"
            )
        if validate:
            self._check(str(event.type), entry)
        return entry

    def _check(self, event_type: str, entry: OutgoingEntry) -> None:
        if self._checker is None:
            self._checker = EventChecker(self._settings.document, self._stream, self.codec)
        self._checker.check(event_type, entry.fields)
