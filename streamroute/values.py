"""Small values that several packages share: outcomes, locks, leases, quotas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from streamroute.durations import RetryPolicy, format_duration, parse_duration

__all__ = [
    "ClaimResult",
    "DeadLetter",
    "DedupeDecision",
    "DedupeLock",
    "Failure",
    "KnownRoutes",
    "Lease",
    "Outcome",
    "Quotas",
    "RetryLater",
    "RetryPolicy",
    "RouteWait",
    "SettleResult",
    "SkippedEntries",
    "format_duration",
    "parse_duration",
]

_DEFAULT_STALL: Final = 5  # leases


class DedupeDecision(StrEnum):
    """What a route with ``dedupe`` does with a message."""

    RUN = "run"
    """No other message holds the key: run, and record success."""
    SKIP = "skip"
    """The route has already succeeded for this key."""
    WAIT = "wait"
    """Another message with this key is running or waiting for its retry."""
    LOST = "lost"
    """Another worker has claimed the entry: the route must not run here."""


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a consumer keeps an entry without a heartbeat.

    ``seconds``
        seconds without a heartbeat after which other workers may claim an entry.
    ``stall``
        seconds without a response of the event loop after which heartbeats stop, so that its leases end.
    """

    seconds: float
    stall: float

    @classmethod
    def of(cls, seconds: float, stall: float | None = None) -> Lease:
        """Create a lease; the default of ``stall`` is five leases."""
        return cls(seconds, _DEFAULT_STALL * seconds if stall is None else stall)

    @property
    def milliseconds(self) -> int:
        """The lease in ms, for the scripts and for claims."""
        return int(self.seconds * 1000)

    @property
    def renewal(self) -> float:
        """Seconds between two renewals of a held entry's lease."""
        return self.seconds / 3


@dataclass(slots=True)
class DedupeLock:
    """The dedupe key that a message holds for a route until it is settled; ``ttl`` is in seconds.

    ``keys`` are the Redis keys of the lock: one for the route's name, and one for each former name, which
    workers with an older configuration check.
    """

    keys: Sequence[str]
    ttl: float
    succeeded: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """An earlier failure of a route, as recorded in its later retries and its dead letter.

    ``time`` is in seconds since the epoch, by the worker's clock; ``reason`` is empty unless that failure was
    dead-lettered. ``generation`` identifies the configuration by which the route ran (empty: unknown).
    ``error_class`` is as in ``RetryLater``. ``original`` holds the fields that the message had before an
    operator edited it, packed; empty for every other failure.
    """

    route: str | None
    attempt: int
    error: str
    reason: str
    time: float
    generation: str = ""
    error_class: str = ""
    original: str = ""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """The outcome of a route that failed and runs again: its next attempt, after ``delay`` seconds.

    ``postponed``: the route did not fail but has to wait, and the attempt does not count. An empty ``route``
    means all routes of the message. ``unknown_since`` is the time since which no live worker knows the route
    (Redis time in ms; 0: one does). ``error_class`` is the name of the exception's type, or of its cause's
    (empty: there was no exception).
    ``parked_for`` is the paused route until whose end the message waits,
    instead of ``delay``; empty if it waits for no pause.
    """

    route: str
    delay: float
    attempt: int
    error: str
    postponed: bool = False
    unknown_since: int = 0
    error_class: str = ""
    parked_for: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """The outcome of a route that failed permanently; ``route`` is None if the failure is not a route's.

    ``accepted``: whether the route's filter accepted the message. ``error_class`` is as in ``RetryLater``.
    ``frame``: ``module:function`` of the user's code in which the exception was raised.
    ``is_rejected``: the handler rejected the message, so that the failure is not one of the route.
    """

    route: str | None
    reason: str
    error: str = ""
    traceback: str = ""
    attempt: int = 1
    accepted: bool = True
    error_class: str = ""
    frame: str = ""
    is_rejected: bool = False


Outcome = RetryLater | DeadLetter


@dataclass(frozen=True, slots=True)
class SettleResult:
    """The result of a settlement; entries in neither field are settled.

    ``lost`` are the ids whose lease was lost: nothing was written for them. ``refused`` maps the ids whose
    outcomes the server refused to its reason: they are still pending and still held.
    """

    lost: Sequence[str] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SkippedEntries:
    """New entries of one read that no route takes: they are acknowledged without being handled.

    ``ids`` are the server's. ``read_at`` is the Redis time in ms before the read: until a lease later, no
    other consumer can have claimed them. ``of`` is the number of entries in the read, and ``mean_bytes``
    estimates the size of one of them.
    """

    ids: Sequence[bytes]
    read_at: int
    of: int
    mean_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class Quotas:
    """How many entries may be claimed for each delivery number (2 is an entry's second delivery).

    ``others`` applies to delivery numbers that are not in ``by_delivery``; None is no limit. ``last`` is the
    number of an entry's last delivery.
    """

    last: int
    by_delivery: Mapping[int, int]
    others: int | None = None


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """The result of a claim within quotas: entries as (id, payload).

    ``held_back`` is the number of entries not claimed because of a quota; ``last_deliveries`` of them are
    before their last delivery.
    """

    entries: list[tuple[str, dict[str, Any]]]
    held_back: int = 0
    last_deliveries: int = 0


@dataclass(frozen=True, slots=True)
class RouteWait:
    """How long a message waits for a worker that knows its route or type.

    ``delay`` is in seconds; None if the wait is over. ``unknown_since`` is the time since which no live
    worker knows it (Redis time in ms; 0: one does).
    """

    delay: float | None
    unknown_since: int = 0


class KnownRoutes(NamedTuple):
    """What a worker can run: the names of its routes, former ones included, and the types they list."""

    routes: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
