"""A place in a stream, as people write it: an entry's id, a time, or an age."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from streamroute.durations import parse_duration
from streamroute.text.safe_text import one_line
from streamroute.text.truncation import clip

_ID: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)
_MAX_PART: Final = 2**64 - 1
_LONGEST: Final = 40  # characters of a time or an age
_FORMS: Final = "write an entry's id (1718000000000-0), a time (2026-07-01T22:00, in UTC) or an age (-2h)"


@dataclass(frozen=True, slots=True)
class StreamTime:
    """A place in a stream: the id of an entry, or else a time.

    ``at`` is in ms since the epoch; with ``is_age``, it is before now.
    """

    id: str = ""
    at: int = 0
    is_age: bool = False

    def entry_id(self, now: int) -> str:
        """Return the lowest id at this place; ``now`` is Redis time in ms."""
        return self.id or f"{self._time(now)}-0"

    def last_id(self, now: int) -> str:
        """Return the highest id at this place; ``now`` is Redis time in ms."""
        return self.id or f"{self._time(now)}-{_MAX_PART}"

    def _time(self, now: int) -> int:
        return max(0, now - self.at) if self.is_age else self.at


NOW: Final = StreamTime(is_age=True)
"""The end of a stream."""


def parse_stream_time(text: str) -> StreamTime:
    """Read an id such as ``1718000000000-0``, an ISO 8601 time (UTC, unless it says so), an age such as
    ``-2h``, or ``now``.

    A date is its midnight. Raises ValueError, with the forms, for anything else.
    """
    place = NOW if text == "now" else _id(text) or _age(text) or _time(text)
    if place is None:
        raise ValueError(f'"{clip(one_line(text), 80)}" is not a place in a stream; {_FORMS}')
    return place


def _id(text: str) -> StreamTime | None:
    if _ID.fullmatch(text) is None or max(map(int, text.split("-"))) > _MAX_PART:
        return None
    return StreamTime(id=text)


def _age(text: str) -> StreamTime | None:
    try:
        return StreamTime(at=int(parse_duration(text[:_LONGEST].removeprefix("-")) * 1000), is_age=True)
    except (ValueError, OverflowError):
        return None


def _time(text: str) -> StreamTime | None:
    try:
        time = datetime.fromisoformat(text[:_LONGEST])
        seconds = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return StreamTime(at=int(seconds * 1000)) if seconds >= 0 else None
