"""A place in a stream on the command line: an entry's id, a time, or an age."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import click

from streamroute.durations import parse_duration
from streamroute.text.truncation import clip

_ID: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)
_MAX_PART: Final = 2**64 - 1
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
        if self.id:
            return self.id
        return f"{max(0, now - self.at) if self.is_age else self.at}-0"


class StreamTimeParam(click.ParamType[StreamTime]):
    """An id such as ``1718000000000-0``, an ISO 8601 time (UTC, unless it says so), or an age as ``-2h``."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> StreamTime:
        """See ``click.ParamType``."""
        if isinstance(value, StreamTime):
            return value
        text = str(value)
        place = _id(text) or _age(text) or _time(text)
        if place is None:
            self.fail(f'"{clip(text, 80)}" is not a place in a stream; {_FORMS}', param, ctx)
        return place


def _id(text: str) -> StreamTime | None:
    if _ID.fullmatch(text) is None or max(map(int, text.split("-"))) > _MAX_PART:
        return None
    return StreamTime(id=text)


def _age(text: str) -> StreamTime | None:
    try:
        return StreamTime(at=int(parse_duration(text.removeprefix("-")) * 1000), is_age=True)
    except (ValueError, OverflowError):
        return None


def _time(text: str) -> StreamTime | None:
    try:
        time = datetime.fromisoformat(text)
        seconds = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return StreamTime(at=int(seconds * 1000)) if seconds >= 0 else None
