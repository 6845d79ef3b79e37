"""A group of dead letters with one signature, as the index of failures stores it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from streamroute.text.limits import HISTORY, NAME
from streamroute.text.truncation import clip

OTHER: Final = "(other)"
"""The group of the letters whose signature is beyond the limit of the index."""
UNREADABLE: Final = "(unreadable)"
"""The group of the entries that are not dead letters of streamroute, or damaged."""
FOREIGN: Final = "(foreign)"
"""The group of the letters in a shared stream that belong to another configuration; it is not shown."""

MINUTES: Final = 60
HOURS: Final = 24
SAMPLES: Final = 3
_MAX_BYTES: Final = 65_536  # of one group: the scripts write less than 2 kB


@dataclass(frozen=True, slots=True)
class Series:
    """Counts in consecutive buckets of time; ``at`` is the number of the last bucket."""

    at: int = 0
    counts: Sequence[int] = ()

    def until(self, now: int, size: int) -> list[int]:
        """Return the counts of the last ``size`` buckets, of which the last one is ``now``."""
        counts = [*([0] * size), *self.counts, *([0] * min(size, max(0, now - self.at)))]
        return counts[-size:]


@dataclass(frozen=True, slots=True)
class Resolution:
    """Who marked a group as resolved, when (Redis time in ms), and why."""

    at: int
    who: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterGroup:
    """Dead letters with one signature; times are in ms since the epoch, by Redis.

    ``count``
        how many letters there are; ``total`` counts those that were dropped or requeued, too.
    ``first``, ``last``
        when the first and the newest letter were written.
    ``samples``
        ids of the newest letters.
    ``returned``
        when a letter arrived after the group was resolved; None if none did.
    """

    signature: str
    title: str
    route: str | None
    error_class: str
    frame: str
    count: int
    total: int
    first: int
    last: int
    samples: Sequence[str]
    minutes: Series
    hours: Series
    resolved: Resolution | None
    returned: int | None

    @property
    def state(self) -> str:
        """``open``, ``resolved``, or ``came back``."""
        if self.resolved is None:
            return "open"
        return "resolved" if self.returned is None else "came back"

    @property
    def is_hidden(self) -> bool:
        """Whether the group is not shown: its letters belong to another configuration."""
        return self.signature == FOREIGN

    @property
    def is_one_failure(self) -> bool:
        """Whether its letters have one signature."""
        return self.signature not in (OTHER, UNREADABLE, FOREIGN)

    @classmethod
    def unpack(cls, signature: str, packed: bytes) -> Self | None:
        """Parse a value of the index; None if it is damaged or another program's."""
        if len(packed) > _MAX_BYTES:
            return None
        try:
            facts = json.loads(packed)
            return cls(
                signature=clip(signature, NAME),
                title=_text(facts.get("title")),
                route=_text(facts["route"]) if isinstance(facts.get("route"), str) else None,
                error_class=_text(facts.get("error_class")),
                frame=_text(facts.get("frame")),
                count=_number(facts["count"]),
                total=_number(facts.get("total", 0)),
                first=_number(facts["first"]),
                last=_number(facts["last"]),
                samples=_samples(facts.get("samples")),
                minutes=_series(facts.get("minutes")),
                hours=_series(facts.get("hours")),
                resolved=_resolution(facts.get("resolved")),
                returned=_number(facts["returned"]) if "returned" in facts else None,
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
            return None


def _text(value: Any) -> str:
    return clip(value, NAME) if isinstance(value, str) else ""


def _number(value: Any) -> int:
    if not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise TypeError("not a count or a time")
    return int(value)


def _samples(value: Any) -> list[str]:
    return (
        [clip(one, NAME) for one in value[:SAMPLES] if isinstance(one, str)]
        if isinstance(value, list)
        else []
    )


def _series(value: Any) -> Series:
    if not isinstance(value, Mapping) or not isinstance(value.get("n"), list):
        return Series()
    return Series(_number(value["at"]), [_number(count) for count in value["n"][:MINUTES]])


def _resolution(value: Any) -> Resolution | None:
    if not isinstance(value, Mapping):
        return None
    reason = value.get("reason")
    return Resolution(
        _number(value["at"]),
        _text(value.get("who")),
        clip(reason, HISTORY) if isinstance(reason, str) else "",
    )
