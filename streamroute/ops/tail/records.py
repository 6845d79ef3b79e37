"""What ``tail`` shows, as immutable values: a terminal, JSON lines and a web page render the same records.

The records contain no value at a path that the configuration hides (``redact``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """What one route does with a message, by the configuration at hand.

    ``phrase`` follows the route's name, such as "does not match". ``reasons`` are the operands of its filter
    that decided it (empty unless asked for). ``received`` is the payload that its handler receives (None if
    it does not run, or unless asked for), and ``problem`` why that cannot be shown.
    """

    name: str
    verdict: str
    phrase: str
    runs: bool
    reasons: tuple[str, ...] = ()
    received: Mapping[str, Any] | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageView:
    """A message as an entry of its stream holds it.

    ``size`` is in bytes. ``payload`` is None if the entry cannot be decoded (``problem`` says why), or is no
    longer in the stream. ``routes`` are the routes of its type.
    """

    stream: str
    id: str
    kind: str
    size: int = 0
    payload: Mapping[str, Any] | None = None
    problem: str = ""
    routes: tuple[RouteView, ...] = ()

    @property
    def time(self) -> float:
        """When the entry was added, by its id: seconds since the epoch; 0 if the id is not a stream's."""
        milliseconds = self.id.partition("-")[0]
        return int(milliseconds) / 1000 if milliseconds.isdecimal() and len(milliseconds) <= 20 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeView:
    """How a message ended at one route, or as a whole (``route`` is None), as a worker has reported it.

    ``time`` is in seconds since the epoch, by the worker's clock. ``error_class`` and ``error`` are empty
    unless it failed.
    """

    route: str | None
    result: str
    time: float
    attempt: int = 1
    error_class: str = ""
    error: str = ""
    worker: str = ""
    generation: str = ""


@dataclass(frozen=True, slots=True)
class TailRecord:
    """One line of a tail: a message, or with ``outcome`` how it ended."""

    message: MessageView
    outcome: OutcomeView | None = None


@dataclass(frozen=True, slots=True)
class TailNotice:
    """A sentence about the tail itself: a stream that is gone, entries that were left out, an outage."""

    text: str


TailItem = TailRecord | TailNotice
