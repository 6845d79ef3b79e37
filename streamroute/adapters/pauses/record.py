"""The record of a pause: who paused a route or a stream, since when, why, and until when."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

from streamroute.text.limits import HISTORY, NAME
from streamroute.text.safe_text import one_line, redact_logins
from streamroute.text.truncation import clip

LONGEST: Final = 4096
"""Bytes of a record; the scripts know the same number."""

Kind = Literal["manual", "circuit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A pause; ``since`` and ``until`` are Redis times in ms, ``until`` is None if it has no end.

    ``kind`` is ``manual`` for an operator's, ``circuit`` for a route's own: then ``until`` is when a message
    tries the route again. Texts are on one line, of bounded length, and without the passwords in URLs.
    """

    reason: str
    who: str
    since: int
    kind: Kind = "manual"
    until: int | None = None

    def is_over(self, now: int) -> bool:
        """Whether its time is over: a circuit stays open until a message has succeeded."""
        return self.kind == "manual" and self.until is not None and self.until <= now


def pause_text(reason: str, who: str) -> str:
    """Return the JSON of a new manual pause, to which the script adds the times."""
    return json.dumps({"kind": "manual", "reason": _clean(reason, HISTORY), "who": _clean(who, NAME)})


def parse_pause(packed: bytes | str) -> Pause | None:
    """Parse a stored pause; None if it is damaged or foreign: it pauses nothing."""
    if not packed or len(packed) > LONGEST:
        return None
    try:
        facts = json.loads(packed)
        since, until = _milliseconds(facts["since"]), facts.get("until")
        kind: Any = facts["kind"]
        if kind not in ("manual", "circuit"):
            return None
        return Pause(
            reason=_clean(facts.get("reason", ""), HISTORY),
            who=_clean(facts.get("who", ""), NAME),
            since=since,
            kind=kind,
            until=None if until is None else _milliseconds(until),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        return None


def _milliseconds(value: Any) -> int:
    """Return a time; raises ValueError for one that no calendar has."""
    number = int(value)
    if isinstance(value, bool | str) or not 0 <= number < 2**47:
        raise ValueError
    return number


def _clean(text: Any, limit: int) -> str:
    return clip(one_line(redact_logins(text)), limit) if isinstance(text, str) else ""
