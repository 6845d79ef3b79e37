"""Small frozen values that several packages share: outcomes, locks, quotas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from streamroute.durations import RetryPolicy, format_duration, parse_duration

__all__ = [
    "EMBEDDED_FOLDER",
    "ClaimResult",
    "DeadLetter",
    "DedupeDecision",
    "DedupeLock",
    "Failure",
    "KnownRoutes",
    "Outcome",
    "Quotas",
    "RetryLater",
    "RetryPolicy",
    "RouteWait",
    "SettleResult",
    "format_duration",
    "parse_duration",
]

EMBEDDED_FOLDER: Final = ".streamroute"
"""Where the embedded server keeps its data, beside the configuration: ``embedded:DIR`` names another."""


class DedupeDecision(StrEnum):
    """What a route with ``dedupe`` does with a message."""

    RUN = "run"
    """No other message has the key: run, and say so when it has succeeded."""
    SKIP = "skip"
    """A route has succeeded with this key already."""
    WAIT = "wait"
    """Another message runs with this key, or waits for its retry."""
    LOST = "lost"
    """Another worker has taken the entry: the route must not run for it here."""


@dataclass(slots=True)
class DedupeLock:
    """The key of dedupe that a message holds for a route, until it is settled; ``ttl`` is in seconds.

    ``keys`` are where it is written: under the name of the route, and under each of its former names, which
    workers of an older configuration look at.
    """

    keys: Sequence[str]
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

    ``postponed``: it did not fail but has to wait, and the attempt is the same. An empty ``route`` is every
    route that the message is for. ``unknown_since`` is from when on no worker was found that knows the route
    (Redis time in ms; 0: there is one).
    """

    route: str
    delay: float
    attempt: int
    error: str
    postponed: bool = False
    unknown_since: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The outcome of a route that failed for good; ``route`` is None where no route was to blame.

    ``accepted`` says that the route's filter had said yes.
    """

    route: str | None
    reason: str
    error: str = ""
    traceback: str = ""
    attempt: int = 1
    accepted: bool = True


Outcome = RetryLater | DeadLetter


@dataclass(frozen=True, slots=True)
class SettleResult:
    """The result of a settlement: whatever neither part names is done.

    ``lost`` are the ids whose lease was lost: nothing was written for them. ``refused`` are the ids
    whose outcomes the server would not write, with its reason: they are still pending and still held.
    """

    lost: Sequence[str] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quotas:
    """How many entries may be claimed of each delivery number (2 is an entry's second delivery).

    ``others`` is for delivery numbers that ``by_delivery`` does not name; None is any number. ``last`` is the
    last delivery that an entry may have.
    """

    last: int
    by_delivery: Mapping[int, int]
    others: int | None = None


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """What a claim within quotas brought, by the entries' ids.

    ``held_back`` entries were left where they are for a quota, ``last_deliveries`` of them before their last
    delivery.
    """

    entries: list[tuple[str, dict[str, Any]]]
    held_back: int = 0
    last_deliveries: int = 0


@dataclass(frozen=True, slots=True)
class RouteWait:
    """How long a message waits for a worker that knows its retry's route, or its type.

    ``delay`` is in seconds, None where that is over.

    ``unknown_since`` is from when on no worker was found that does (Redis time in ms; 0: there is one).
    """

    delay: float | None
    unknown_since: int = 0


class KnownRoutes(NamedTuple):
    """What a worker knows: the names of its routes, former ones included, and the types that they list."""

    routes: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
