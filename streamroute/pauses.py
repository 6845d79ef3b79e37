"""Pauses: whether a consumer's stream is paused, and which of its routes are.

The messages of a paused route are parked without using an attempt, and its other routes run. The storage
learns what is paused and sets the view here; the dispatcher asks before it runs the routes of a message.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from streamroute.values import Outcome, RetryLater

if TYPE_CHECKING:
    from streamroute.delivery import NamedRoute, Unparked

_MAX_COUNTED: Final = 10_000  # failures that wait for being counted in the group
_MAX_PROBES: Final = 1_000


class Circuit(NamedTuple):
    """When a route pauses by itself: after ``failures`` in ``within`` seconds, for ``pause`` seconds."""

    failures: int
    within: float
    pause: float


@dataclass(frozen=True, slots=True)
class PauseView:
    """What is paused, as the group's workers agreed on it last.

    ``routes`` are paused; of these, ``circuits`` were paused by their own circuit. ``returning`` are routes
    whose parked messages have to run before new ones, since the stream keeps its order. ``reads_new``:
    whether new entries are read; otherwise only the returning ones are.
    """

    stream: bool = False
    routes: frozenset[str] = frozenset()
    circuits: frozenset[str] = frozenset()
    returning: frozenset[str] = frozenset()
    reads_new: bool = True


NOTHING_PAUSED: Final = PauseView()


class PauseGate:
    """Decides which routes of a message run now, and notes what circuits have to know.

    ``view`` is set in the event loop. ``parks`` tells whether any route parks its messages: while it does
    not, the dispatcher asks nothing else. ``counted`` are the routes of failures, ``probes`` the results of
    probes (route, ``closed``, ``open`` or ``again``): both may be taken by another thread. ``parked_at`` is
    when a message was parked last (``time.monotonic``). ``keeps_order``: whether parked messages have to run
    before new ones.
    """

    def __init__(self) -> None:
        self.view = NOTHING_PAUSED
        self.parks = False
        self.circuits: Mapping[str, Circuit] = {}
        self.counted: deque[str] = deque(maxlen=_MAX_COUNTED)
        self.probes: deque[tuple[str, str]] = deque(maxlen=_MAX_PROBES)
        self.parked_at = -1e9
        self.keeps_order = False
        self._on_stream: Callable[[bool], None] | None = None

    def on_stream_paused(self, call: Callable[[bool], None]) -> None:
        """Call a function when the whole stream is paused (True) or resumed (False)."""
        self._on_stream = call

    def apply(self, view: PauseView) -> None:
        """Replace the view."""
        before, self.view = self.view, view
        self.parks = bool(view.routes or view.returning)
        if before.stream != view.stream and self._on_stream is not None:
            self._on_stream(view.stream)

    def parked_for(self, route: NamedRoute, unparked: Unparked | None) -> str | None:
        """Return the name under which the route's message waits; None if the route runs now.

        ``unparked`` is what the message returns from, if it was parked before.
        """
        view, names = self.view, (route.key, *route.formerly)
        returns = unparked is not None and unparked.is_of(route)
        is_probe = returns and unparked is not None and unparked.is_probe
        for name in names:
            if name in view.routes and not (is_probe and name in view.circuits):
                return name
        return None if returns else next((name for name in names if name in view.returning), None)

    def park(self, parked_for: str, route: str, attempt: int) -> RetryLater:
        """Return the outcome of a message that waits; its attempt is not used."""
        self.parked_at = time.monotonic()
        return RetryLater(route, 0.0, attempt, "", postponed=True, parked_for=parked_for)

    def note_failure(self, route: NamedRoute, outcome: Outcome) -> None:
        """Note a failed run, which the route's circuit counts, if it has one.

        A message that was rejected, or that waits for another one, says nothing about the route.
        """
        if route.key in self.circuits and _is_of_route(outcome):
            self.counted.append(route.key)

    @property
    def is_urgent(self) -> bool:
        """Whether the group has to know something at once: a probe ended, or many failures were counted."""
        if self.probes:
            return True
        counted = self.counted
        if not counted:
            return False
        least = min((circuit.failures for circuit in self.circuits.values()), default=_MAX_COUNTED)
        return len(counted) >= least


class UsesPauseGate(Protocol):
    """What runs the routes of messages, and asks a gate before."""

    def use_gate(self, gate: PauseGate) -> None:
        """Ask this gate from now on."""
        ...


def _is_of_route(outcome: Outcome) -> bool:
    return not (outcome.postponed if isinstance(outcome, RetryLater) else outcome.is_rejected)
