"""Route timing: the durations of one route's runs, all of them or, in a burst, a sample.

In each period, the first runs of a route are measured. After these, one in 127 is, and stands for those
before it: a run that is left out costs next to nothing. The number of runs is never estimated: at the end of
a period, those that no measured run stands for yet are counted like the latest.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, time
from typing import Any, Final

from streamroute.core.recording.histogram import Histogram

_MEASURED: Final = 200  # runs of a period, before only a sample is measured
_STRIDE: Final = 127  # a prime, so that the sample is in step with no pattern of the messages
_MAX_DIGITS: Final = 15  # of the milliseconds in the id of an entry; today's have 13


class Run:
    """A run that is measured since ``started`` (``monotonic``), and stands for ``weight`` runs."""

    __slots__ = ("started", "timing", "weight")

    def __init__(self, timing: RouteTiming, started: float, weight: int) -> None:
        self.timing = timing
        self.started = started
        self.weight = weight

    def succeeded(self, payload: Any) -> None:
        """Record that the run succeeded."""
        self.timing.succeeded(self, payload)


class RouteTiming:
    """How long the runs of one route take; other threads may read the histograms.

    ``handler`` has the time of each run. ``entry`` has the time from an entry's id to the success of the
    route, by the clock of this machine, with all retries; ids that have no time are left out. ``left`` is the
    number of runs to leave out. ``join`` is called with the first run of each period.
    """

    __slots__ = (
        "_due",
        "_join",
        "_latest",
        "_latest_age",
        "_measured",
        "_weight",
        "entry",
        "handler",
        "left",
    )

    def __init__(self, join: Callable[[RouteTiming], None]) -> None:
        self.handler = Histogram()
        self.entry = Histogram()
        self.left = 0
        self._join = join
        self._measured = 0
        self._weight = 1
        self._due = 0  # successes that are not in `entry` yet; below 0, failures of runs that were left out
        self._latest = 0.0
        self._latest_age: float | None = None

    def begin(self) -> Run | None:
        """Begin a run; return None if it is left out."""
        if not self.left:
            return self.start()
        self.left -= 1
        return None

    def start(self) -> Run:
        """Start a run that is measured."""
        if not self._measured:
            self._join(self)
        self._measured += 1
        weight = self._weight
        if self._measured > _MEASURED:
            self._weight, self.left = _STRIDE, _STRIDE - 1
        return Run(self, monotonic(), weight)

    def succeeded(self, run: Run, payload: Any) -> None:
        """Record a measured run that succeeded."""
        weight = self._record(run)
        self._latest_age = _age(payload)
        self._record_entries(weight)

    def failed(self, run: Run | None) -> None:
        """Record a run that did not succeed; None if it is not measured."""
        self._due -= 1
        if run is not None:
            self._due += self._record(run)

    def end_period(self) -> None:
        """Count the runs that no measured one stands for yet, and measure all runs again."""
        pending = self._weight - 1 - self.left
        if pending > 0:
            self.handler.record(self._latest, pending)
            self._record_entries(pending)
        self._measured, self._weight, self.left = 0, 1, 0

    def _record(self, run: Run) -> int:
        self._latest = monotonic() - run.started
        self.handler.record(self._latest, run.weight)
        return run.weight

    def _record_entries(self, runs: int) -> None:
        self._due += runs
        if self._due > 0:
            if self._latest_age is not None:
                self.entry.record(self._latest_age, self._due)
            self._due = 0


def _age(payload: Any) -> float | None:
    """Return the seconds since the entry was added; None if its id does not begin with milliseconds."""
    milliseconds = getattr(payload, "id", "").partition("-")[0]
    if not (milliseconds.isascii() and milliseconds.isdigit()) or len(milliseconds) > _MAX_DIGITS:
        return None
    return time() - int(milliseconds) / 1000
