"""Small frozen values that several floors share: durations, retry policies, outcomes."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", re.ASCII)


def parse_duration(text: str) -> float:
    """Read a duration such as ``500ms``, ``30s``, ``5m``, ``1h`` or ``7d``; returns seconds.

    Raises ValueError for anything else.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write 500ms, 30s, 5m, 1h or 7d")
    return float(match[1]) * _UNITS[match[2]]


def format_duration(seconds: float) -> str:
    """Write seconds as the shortest duration that ``parse_duration`` reads back as the same value."""
    for unit in ("d", "h", "m", "s"):
        count = seconds / _UNITS[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return f"{round(seconds * 1000, 3):g}ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, and after what delays, a failed route runs again.

    ``delay`` and ``max_delay`` are in seconds; the first run is attempt 1, and ``max_attempts`` counts it.
    The delay after attempt n is ``delay * multiplier ** (n - 1)``, at most ``max_delay``, moved by up to
    ``jitter`` (a fraction) either way so that failures of one moment do not return together.
    """

    max_attempts: int = 5
    delay: float = 1.0
    multiplier: float = 2.0
    max_delay: float = 600.0
    jitter: float = 0.1

    def delay_after(self, attempt: int) -> float:
        """Seconds to wait after the failed attempt of this number (1 for the first)."""
        try:
            plain = min(self.delay * self.multiplier ** (attempt - 1), self.max_delay)
        except OverflowError:
            plain = self.max_delay
        spread = 1 + self.jitter * random.uniform(-1, 1)  # noqa: S311 - jitter, not a secret
        return min(plain * spread, self.max_delay)


class Turn(StrEnum):
    """What a route with ``dedupe`` is told to do with a message."""

    RUN = "run"
    """No other message has the key: run, and say so when it has succeeded."""
    SKIP = "skip"
    """A route has succeeded with this key already."""
    WAIT = "wait"
    """Another message runs with this key, or waits for its retry."""


@dataclass(slots=True)
class Claim:
    """A key of dedupe that a message holds for a route, until it is settled; ``ttl`` is in seconds."""

    key: str
    ttl: float
    succeeded: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """An earlier failure of a route, as its later retries and its dead letter remember it.

    ``time`` is in seconds since the epoch, by the clock of the worker; ``reason`` is empty unless it was
    dead-lettered then.
    """

    route: str | None
    attempt: int
    error: str
    reason: str
    time: float


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The outcome of a route that failed and runs again: its next attempt, after ``delay`` seconds.

    ``postponed``: it did not fail but has to wait, and the attempt is the same.
    """

    route: str
    delay: float
    attempt: int
    error: str
    postponed: bool = False


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The outcome of a route that failed for good; ``route`` is None where no route was to blame."""

    route: str | None
    reason: str
    error: str = ""
    traceback: str = ""
    attempt: int = 1


Outcome = RetryLater | DeadLetter


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a settlement: everything that is named in neither part is done.

    ``lost`` are the ids that were no longer ours: nothing was written for them. ``refused`` are the ids
    whose outcomes the server would not write, with its reason: they are still pending, and still ours.
    """

    lost: Sequence[str] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
