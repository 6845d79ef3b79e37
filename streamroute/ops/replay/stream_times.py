"""Places in a stream that people write: a time, an age, or an entry's id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from streamroute.adapters.entries.entry_ids import format_id, parse_id
from streamroute.durations import parse_duration
from streamroute.text.limits import NAME
from streamroute.text.safe_text import safe_repr

_ID: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)
_MILLISECONDS: Final = re.compile(r"[0-9]{11,14}", re.ASCII)
_LAST: Final = 2**64 - 1
_LONGEST: Final = 40  # characters of a time


@dataclass(frozen=True, slots=True)
class StreamTime:
    """A place in a stream: the id of an entry, a time (ms since the epoch), or an age (seconds ago)."""

    id: str = ""
    time: int | None = None
    age: float = 0.0

    def first_id(self, now: int) -> str:
        """Return the lowest id at this place; ``now`` is Redis time in ms."""
        return self.id or format_id((self._time(now), 0))

    def last_id(self, now: int) -> str:
        """Return the highest id at this place."""
        return self.id or format_id((self._time(now), _LAST))

    def _time(self, now: int) -> int:
        return max(0, now - int(self.age * 1000) if self.time is None else self.time)


def parse_stream_time(text: str) -> StreamTime:
    """Read ``1718000000000-0`` (an id), ``2026-11-27T03:00:00Z``, ``2026-11-27``, ``-2h`` or ``now``.

    A time without an offset is UTC, a date is its midnight. Raises ValueError, with a hint.
    """
    if text == "now":
        return StreamTime()
    if _ID.fullmatch(text):
        return StreamTime(id=format_id(parse_id(text)))
    if _MILLISECONDS.fullmatch(text):
        return StreamTime(time=int(text))
    if text.startswith("-") and len(text) < _LONGEST:
        return StreamTime(age=parse_duration(text[1:]))
    try:
        return StreamTime(time=max(0, int(_aware(text[:_LONGEST]).timestamp() * 1000)))
    except (ValueError, OverflowError, OSError):
        raise ValueError(
            f"{safe_repr(text, NAME)} is neither a time nor an id; write 2026-11-27T03:00:00Z, "
            "2026-11-27, -2h, now, or an entry's id such as 1718000000000-0"
        ) from None


def _aware(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
