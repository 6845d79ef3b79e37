"""Times and ages in a status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

_MIN_CLOCK_ID: Final = 10**12  # ms since the epoch, in 2001: a lower id does not come from a clock


def iso_time(milliseconds: int | None) -> str | None:
    """Return ms since the epoch as ISO 8601 in UTC; None for 0, None, and what is no time."""
    if not milliseconds:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class EntryAge:
    """An entry, and its age in seconds by its id (None: the id is from no clock)."""

    id: str
    age: float | None

    @classmethod
    def of(cls, entry_id: str, now: int) -> EntryAge | None:
        """Return the age of an entry at ``now`` (ms since the epoch); None for an empty id."""
        return cls(entry_id, _age(entry_id, now)) if entry_id else None

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {"id": self.id, "age": self.age}


def _age(entry_id: str, now: int) -> float | None:
    digits = entry_id.partition("-")[0]
    if not (digits.isascii() and digits.isdecimal() and int(digits[:20]) >= _MIN_CLOCK_ID):
        return None
    return max(0, now - int(digits[:20])) / 1000
