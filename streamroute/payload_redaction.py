"""Hide the fields that ``redact:`` names from whatever people read: payloads, raw fields, and texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from streamroute.redaction.derived import DerivedValues
from streamroute.redaction.entry_fields import entry_paths, redact_entry
from streamroute.redaction.paths import parse_path, path_matcher
from streamroute.redaction.texts import HiddenValues
from streamroute.redaction.values import Redaction

UNREADABLE: Final = "the entry cannot be decoded (the reason may quote a hidden field)"
"""Stands for the reason where the configuration hides fields."""


class PayloadRedactor:
    """Hides the values at ``paths`` (see ``Document.redact``); without paths, everything stays as it is.

    Raises ValueError for a text that is no path; those of a configuration were checked.

    >>> PayloadRedactor(["guest.email"]).redact({"guest": {"email": "a@example.com", "id": 1}})
    {'guest': {'email': '(redacted)', 'id': 1}}
    """

    def __init__(self, paths: Iterable[str]) -> None:
        steps = [parse_path(path) for path in paths]
        self._names = frozenset(path[-1] for path in steps if isinstance(path[-1], str))
        self._payload = path_matcher(steps)
        self._entry = path_matcher(entry_paths(steps))

    @property
    def is_active(self) -> bool:
        """Whether there are paths."""
        return not self._payload.is_idle

    def redact(self, payload: Any) -> Any:
        """Return a payload with its hidden values replaced; itself if there are none.

        Dicts and lists are copied where something in them is hidden. A text at whose place a path expects an
        object is read as JSON. An object of a user's class is hidden as a whole if a path leads into it.
        """
        return Redaction().value(payload, self._payload)

    def redact_fields(self, fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Return the raw fields of an entry with the hidden values of its payload replaced.

        What cannot be read (bytes that are not UTF-8, ``data`` that is no JSON object) is hidden as a whole.
        """
        return redact_entry(fields, self._entry) if self.is_active else dict(fields)

    def hidden_in(self, payload: Any = None, fields: Mapping[bytes, bytes] | None = None) -> HiddenValues:
        """Return the values that a payload or the raw fields of an entry hide, to hide them in texts."""
        values = HiddenValues()
        if self.is_active:
            Redaction(values.add).value(payload, self._payload)
            redact_entry(fields or {}, self._entry, values.add)
        return values

    def decode_error(self, reason: str) -> str:
        """Return why an entry cannot be decoded, without its values.

        What is hidden in an entry that cannot be read is not known, and the reason may quote any part of it.
        """
        return UNREADABLE if self.is_active else reason

    def derived_from(self, payload: Any = None, fields: Mapping[bytes, bytes] | None = None) -> DerivedValues:
        """Return what hides the values of a payload in what was computed from it, by a transform say."""
        return DerivedValues(self.hidden_in(payload, fields), self._names)


HIDES_NOTHING: Final = PayloadRedactor(())
"""The redactor of a configuration without ``redact:``."""
