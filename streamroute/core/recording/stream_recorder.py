"""StreamRecorder: the timings of a stream's routes, and their failures by the class of the exception."""

from __future__ import annotations

import asyncio
from typing import Final

from streamroute.core.recording.route_timing import RouteTiming
from streamroute.values import DeadLetter, Outcome

OTHER_CLASSES: Final = "(other)"
"""Stands for further classes of exceptions, so that their number is bounded."""

_MAX_CLASSES: Final = 100  # of a route
_PERIOD: Final = 1.0  # seconds; see RouteTiming


class StreamRecorder:
    """Records for one stream, over all its configurations; other threads may read copies of the dicts.

    ``timings`` are those of the routes that ran. ``failures`` counts retries and dead letters that an
    exception caused, by route, ``retried`` or ``dead``, and the class of the exception.
    """

    def __init__(self) -> None:
        self.timings: dict[str, RouteTiming] = {}
        self.failures: dict[tuple[str, str, str], int] = {}
        self._known: dict[str, RouteTiming] = {}
        self._classes: dict[str, set[str]] = {}
        self._active: list[RouteTiming] = []

    def timing(self, route: str) -> RouteTiming:
        """Return the timing of a route."""
        timing = self._known.get(route)
        if timing is None:

            def join(timing: RouteTiming) -> None:
                self.timings[route] = timing
                self._join(timing)

            timing = self._known[route] = RouteTiming(join)
        return timing

    def failed(self, outcome: Outcome) -> None:
        """Count a failure that an exception caused."""
        if not outcome.error_class or not outcome.route:
            return
        result = "dead" if isinstance(outcome, DeadLetter) else "retried"
        key = (outcome.route, result, self._bounded(outcome.route, outcome.error_class))
        self.failures[key] = self.failures.get(key, 0) + 1

    def end_period(self) -> None:
        """Bring the timings up to date; called in the event loop, each second in which a route runs."""
        active, self._active = self._active, []
        for timing in active:
            timing.end_period()

    def _join(self, timing: RouteTiming) -> None:
        if not self._active:
            asyncio.get_running_loop().call_later(_PERIOD, self.end_period)
        self._active.append(timing)

    def _bounded(self, route: str, error_class: str) -> str:
        classes = self._classes.setdefault(route, set())
        if error_class not in classes and len(classes) >= _MAX_CLASSES:
            return OTHER_CLASSES
        classes.add(error_class)
        return error_class
