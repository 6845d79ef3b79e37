"""Small frozen values that several floors share: durations, retry policies, outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from streamroute.policies import RetryPolicy, format_duration, parse_duration

__all__ = [
    "Claim",
    "DeadLetter",
    "Failure",
    "Outcome",
    "RetryLater",
    "RetryPolicy",
    "Settled",
    "Turn",
    "format_duration",
    "parse_duration",
]


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
