"""Validates the data of messages against the schemas of their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from streamroute.adapters.codecs.builtin import codec_named
from streamroute.adapters.codecs.message_data import data_reader
from streamroute.core.dispatch.outcomes import type_of
from streamroute.errors import CostlyDataError
from streamroute.logs.exception_text import error_text
from streamroute.message import Message
from streamroute.text.limits import REASON
from streamroute.text.safe_text import redacted_str

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.compiler.validation.data_check import Check


class DataValidator:
    """Validates messages whose type has a check; ``codec`` separates their data from the envelope."""

    def __init__(self, checks: Mapping[str, Check], codec: Codec | str) -> None:
        self._checks = checks
        self._data_of = data_reader(codec_named(codec) if isinstance(codec, str) else codec)

    def check_of(self, payload: Mapping[str, Any]) -> Check | None:
        """Return the check of the message's type; None if the message is not validated."""
        message_type = payload.get("type")
        return self._checks.get(message_type if type(message_type) is str else type_of(payload))

    def reason(self, payload: Mapping[str, Any], fields: Mapping[bytes, bytes] | None = None) -> str | None:
        """Return why a message is invalid, without any of its values; None if it is valid or not validated.

        ``fields`` are those of its entry, by default those of the ``Message``.
        """
        check = self.check_of(payload)
        if check is None:
            return None
        return self.failed_check(check, payload, fields_of(payload) if fields is None else fields)

    def failed_check(
        self, check: Check, payload: Mapping[str, Any], fields: Mapping[bytes, bytes]
    ) -> str | None:
        """Return why the message fails the check of its type; None if it passes."""
        try:
            violation = check(self._data_of(payload, fields))
        except CostlyDataError as error:
            return str(error)
        except KeyboardInterrupt:
            raise  # the user interrupts a command
        except BaseException as error:  # noqa: BLE001 - a user's codec and its values may raise anything
            return redacted_str(f"the data could not be validated: {error_text(error)}", REASON)
        return None if violation is None else redacted_str(f"the data is invalid: {violation}", REASON)


def fields_of(payload: Mapping[str, Any]) -> Mapping[bytes, bytes]:
    """Return the fields of a message's entry; none for a plain dict."""
    return payload.fields if isinstance(payload, Message) else {}
