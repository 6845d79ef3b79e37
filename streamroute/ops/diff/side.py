"""One of two compared configurations, as the events of one stream meet it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from streamroute.adapters.codecs.codec_calls import decoded, encoded, optional_decoder
from streamroute.compiler.runtime.data_validation import DataValidator
from streamroute.config.document import RouteConfig, StreamConfig
from streamroute.core.dispatch.outcomes import type_of
from streamroute.errors import DecodeError, SetupError
from streamroute.expansion import is_expanding
from streamroute.message import ExpandingMessage
from streamroute.ops.diff.trials import Trials
from streamroute.ops.route_tests.delivery import codec_of

if TYPE_CHECKING:
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.messages.catalog import MessageSchema


class Arrival(NamedTuple):
    """An event as one configuration receives it.

    ``payload`` is None if it cannot be decoded, and ``error`` is why.
    """

    payload: Mapping[str, Any] | None
    error: str
    fields: Mapping[bytes, bytes]

    @property
    def type(self) -> str:
        """The event's type; empty if it has none."""
        return "" if self.payload is None else type_of(self.payload)


class Side:
    """A configuration and one of its streams (None: any stream, whose codec is not known)."""

    def __init__(self, compiled: Compiled, stream: str | None) -> None:
        self._compiled = compiled
        self.stream = stream
        self.settings: StreamConfig | None = compiled.document.streams.get(stream or "")
        self.codec = None if stream is None else codec_of(compiled, stream)
        self._is_built_in = stream not in compiled.codecs
        self._decode_fast = None if self.codec is None else optional_decoder(self.codec, "decode_fast")
        checks = {} if self.settings is None else compiled.checks(self.settings.name)
        self._validator = DataValidator(checks, self.codec or "json")
        live = [route.config for route in compiled.routes if self._serves(route.config)]
        self._types = frozenset(name for route in live for name in route.types)
        self.trials = Trials(live)

    @property
    def exists(self) -> bool:
        """Whether the configuration has the stream."""
        return self.stream is None or self.settings is not None

    def takes(self, route: RouteConfig | None, message_type: str) -> bool:
        """Whether an event of a type reaches the filter of a route."""
        return route is not None and self._serves(route) and message_type in route.types

    def receive(self, parts: list[bytes]) -> Arrival:
        """Decode an entry: alternating names and values, as the server sent them.

        Raises SetupError if the codec is a user's own that was not imported.
        """
        payload = None if self._decode_fast is None else self._decode_quickly(parts)
        fields: Mapping[bytes, bytes] = dict(zip(parts[::2], parts[1::2], strict=True))
        return self._decoded(fields) if payload is None else Arrival(payload, "", fields)

    def publish(self, event: Mapping[str, Any]) -> Arrival:
        """Encode and decode an event; raises EncodeError if it cannot be an entry of the stream.

        The event itself is returned if the codec is not known.
        """
        if self.codec is None:
            return Arrival(event, "", {})
        return self._decoded(encoded(self.codec, event))

    def refusal(self, arrival: Arrival) -> str:
        """Return why an event is dead-lettered as a whole, else an empty string."""
        if arrival.payload is None:
            return arrival.error
        message_type = arrival.type
        if not message_type:
            return "the message has no type"
        if message_type not in self._types:
            return self.refusal_of_unlisted
        return self._validator.reason(arrival.payload, arrival.fields) or ""

    def lists(self, message_type: str) -> bool:
        """Whether a live route lists a type."""
        return message_type in self._types

    def schema(self, message_type: str) -> MessageSchema | None:
        """Return the schema that events of a type must fit; None if their data is not validated."""
        if self.settings is None or not self.settings.validate:
            return None
        message = self._compiled.document.messages.get(message_type)
        return None if message is None else message.schema

    @property
    def refusal_of_unlisted(self) -> str:
        """Why an event is dead-lettered whose type no route lists; empty if it is acknowledged."""
        is_refused = self.settings is not None and self.settings.unknown_type == "dead_letter"
        return "no route lists the type" if is_refused else ""

    def _serves(self, route: RouteConfig) -> bool:
        return route.is_live and (self.stream is None or self.stream in route.streams)

    def _decode_quickly(self, parts: list[bytes]) -> Mapping[str, Any] | None:
        assert self._decode_fast is not None  # noqa: S101 - called only if there is one
        try:
            payload = self._decode_fast(parts)
        except Exception:  # noqa: BLE001 - of a user's codec: its `decode` reports what is wrong
            return None
        return self._received(payload) if type(payload) is dict else None

    def _decoded(self, fields: Mapping[bytes, bytes]) -> Arrival:
        if self.codec is None:
            raise SetupError(f"the codec of {self.stream} was not imported")
        try:
            payload = decoded(self.codec, dict(fields))
        except DecodeError as error:
            return Arrival(None, str(error), fields)
        return Arrival(self._received(payload), "", fields)

    def _received(self, payload: dict[str, Any]) -> Mapping[str, Any]:
        """Only the values that a user's codec builds can share parts."""
        return payload if self._is_built_in or not is_expanding(payload) else ExpandingMessage(payload)
