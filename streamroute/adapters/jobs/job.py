"""A paced job: work on many messages that goes on step by step, and can be resumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from streamroute.errors import DecodeError, SetupError
from streamroute.text.limits import HISTORY, NAME
from streamroute.text.truncation import clip

_MAX_BYTES: Final = 64 * 1024
_FASTEST: Final = 1e12  # messages a second
_TEXTS: Final = {"id": NAME, "kind": NAME, "who": NAME, "reason": HISTORY, "cursor": NAME}


class JobState(StrEnum):
    """What a job does; a reader also learns whether the process that runs it is alive."""

    RUNNING = "running"
    STOPPED = "stopped"
    """Somebody stopped it, it failed, or its process ended: it can be resumed."""
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job, as its last step left it.

    ``id``, ``kind``
        its name in its group, and what it does: ``replay`` or ``retry``.
    ``who``
        who started it, or resumed it last.
    ``created``
        when it was created: Redis time, in ms since the epoch.
    ``rate``
        messages a second, at most; None: as fast as they are processed.
    ``selection``
        which messages, in the kind's own terms: JSON values only.
    ``cursor``
        how far it is: an id; empty at the start.
    ``total``
        how many items it looks at, about; None: unknown.
    ``counts``
        what it did so far, by name; ``looked_at`` is what ``total`` counts.
    ``reason``
        why it stopped.
    """

    id: str
    kind: str
    who: str = ""
    created: int = 0
    rate: float | None = None
    selection: Mapping[str, Any] = field(default_factory=dict)
    cursor: str = ""
    total: int | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    state: JobState = JobState.RUNNING
    reason: str = ""

    def count(self, name: str) -> int:
        """Return one of the counts; 0 if it is missing."""
        return self.counts.get(name, 0)

    def adding(self, **more: int) -> dict[str, int]:
        """Return the counts with some of them increased."""
        return {**self.counts, **{name: self.count(name) + number for name, number in more.items()}}

    def pack(self) -> bytes:
        """Pack the job into one value; raises SetupError if its selection is too large."""
        texts = {name: clip(getattr(self, name), limit) for name, limit in _TEXTS.items()}
        facts = {
            **texts,
            "created": self.created,
            "rate": self.rate,
            "total": self.total,
            "state": self.state.value,
            "selection": dict(self.selection),
            "counts": dict(self.counts),
        }
        packed = json.dumps(facts).encode()
        if len(packed) > _MAX_BYTES:
            raise SetupError("the selection is too large to be kept as a job; use a filter instead of ids")
        return packed

    @classmethod
    def unpack(cls, packed: bytes) -> Job:
        """Unpack the result of ``pack``; raises DecodeError for any other value."""
        if len(packed) > _MAX_BYTES:
            raise DecodeError(f"it has {len(packed)} bytes")
        try:
            facts = json.loads(packed)
            return cls(
                **{name: _text(facts[name], limit) for name, limit in _TEXTS.items()},
                created=_number(facts["created"]),
                rate=None if facts["rate"] is None else _rate(facts["rate"]),
                total=None if facts["total"] is None else _number(facts["total"]),
                state=JobState(facts["state"]),
                selection=dict(facts["selection"]),
                counts={_text(name, NAME): _number(value) for name, value in facts["counts"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise DecodeError(f"it cannot be read: {clip(str(error), NAME)}") from None


def _text(value: Any, limit: int) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is {type(value).__name__}")
    return clip(value, limit)


def _rate(value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value <= _FASTEST:
        raise TypeError("a rate is not one")
    return float(value)


def _number(value: Any) -> int:
    if type(value) is not int or abs(value) > 2**63:
        raise TypeError("a number is not one")
    return value
