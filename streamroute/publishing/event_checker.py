"""Check events against the catalogue, as consumers will read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamroute.adapters.codecs.codec_calls import decoded
from streamroute.adapters.entries.field_lists import fields_from_reply
from streamroute.errors import DecodeError, PayloadError, SetupError
from streamroute.text.quoted_names import quoted_name
from streamroute.text.suggestions import suggestion_hint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.compiler.runtime.data_validation import DataValidator
    from streamroute.compiler.validation.data_check import Check
    from streamroute.config.document import Document


class EventChecker:
    """Checks types and data of the events of one stream.

    A type is known if the catalogue declares it or a route of the stream names it. Data is checked if the
    catalogue has a schema for it. Raises SetupError if the configuration knows no type at all.
    """

    def __init__(self, document: Document, stream: str, codec: Codec) -> None:
        routes = (route for route in document.routes if stream in route.streams)
        self._types = {name for route in routes for name in route.types} | set(document.messages)
        if not self._types:
            raise SetupError(f"{document.path} has neither messages nor routes for {stream} to check with")
        self._document = document
        self._codec = codec
        self._checks: dict[str, Check] = {}
        self._validator: DataValidator | None = None

    def check(self, event_type: str, entry: Sequence[bytes]) -> None:
        """Raise PayloadError unless the type is known and the entry's data fits its schema."""
        if event_type not in self._types:
            hint = suggestion_hint(event_type, sorted(self._types))
            raise PayloadError(f"the type {quoted_name(event_type)} is not known{hint}")
        reason = self._reason(event_type, entry)
        if reason is not None:
            raise PayloadError(f"{quoted_name(event_type)}: {reason}", [reason])

    def _reason(self, event_type: str, entry: Sequence[bytes]) -> str | None:
        message = self._document.messages.get(event_type)
        if message is None or message.schema is None:
            return None
        if self._validator is None:
            # Imported late: validating imports much code.
            from streamroute.compiler.runtime.data_validation import DataValidator

            self._validator = DataValidator({}, self._codec)
        if event_type not in self._checks:
            from streamroute.compiler.validation.data_check import data_check

            self._checks[event_type] = data_check(message.schema)
        fields = fields_from_reply(entry)
        try:
            payload = decoded(self._codec, dict(fields))
        except DecodeError as error:
            return str(error)
        return self._validator.failed_check(self._checks[event_type], payload, fields)
