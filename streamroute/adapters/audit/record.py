"""The record of one action of an operator, and its form as an entry of the audit stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from streamroute.adapters.redis.replies import text
from streamroute.text.limits import HISTORY, NAME
from streamroute.text.safe_text import one_line, redact_logins
from streamroute.text.truncation import clip

_FIELDS: Final = {"action": NAME, "who": NAME, "target": HISTORY, "result": HISTORY, "reason": HISTORY}
"""The text fields of an entry, and the most characters of each."""

_MAX_COUNT: Final = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """What an operator did.

    ``action``
        such as ``dead retry``, ``pause`` or ``replay``.
    ``who``
        the operator; see ``streamroute.ops.audit.actor``.
    ``target``
        what was acted on: a route, the id of a letter, a filter, the id of a job.
    ``count``
        how many messages or letters were changed; None if the action does not count.
    ``result``
        ``started``, ``done``, or why the action stopped.
    ``reason``
        the operator's own words; empty if there are none.

    Texts are cut to a bounded length, on one line, and without the passwords in URLs.
    """

    action: str
    who: str
    target: str = ""
    count: int | None = None
    result: str = "done"
    reason: str = ""

    def write(self) -> list[str]:
        """Return the names and values of its entry."""
        parts: list[str] = []
        for name, limit in _FIELDS.items():
            value = clip(one_line(redact_logins(getattr(self, name))), limit)
            parts += (name, value) if value else ()
        return parts if self.count is None else [*parts, "count", str(self.count)]

    @classmethod
    def read(cls, fields: Mapping[bytes, bytes]) -> AuditRecord:
        """Parse an entry; a field that is missing or damaged is empty, since others may write here."""
        texts = {
            name: clip(text(fields.get(name.encode(), b"")[: 8 * limit]), limit)
            for name, limit in _FIELDS.items()
        }
        return cls(count=_count(fields.get(b"count", b"")), **texts)


def _count(digits: bytes) -> int | None:
    return min(int(digits), _MAX_COUNT) if digits.isdigit() and len(digits) < 20 else None
