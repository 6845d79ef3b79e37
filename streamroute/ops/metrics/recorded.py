"""Recorded: the timings and failures of routes, of one process or the sum of several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from streamroute.core.recording.histogram import LIMITS, Histogram
from streamroute.core.recording.stream_recorder import StreamRecorder


class RouteTimes(NamedTuple):
    """How long the runs of a route's handler took, and its entries from their ids to its success."""

    handler: Histogram
    entry: Histogram


FailureKey = tuple[str, str, str, str]
"""Stream, route, ``retried`` or ``dead``, and the class of the exception."""


@dataclass(slots=True)
class Recorded:
    """What the recorders of this process recorded, and what was added from others; readable from any thread.

    Only routes that ran have times.
    """

    _recorders: dict[str, StreamRecorder] = field(default_factory=dict)
    _added_times: dict[tuple[str, str], RouteTimes] = field(default_factory=dict)
    _added_failures: dict[FailureKey, int] = field(default_factory=dict)

    def recorder(self, stream: str) -> StreamRecorder:
        """Return the recorder of a stream in this process."""
        return self._recorders.setdefault(stream, StreamRecorder())

    def times(self) -> dict[tuple[str, str], RouteTimes]:
        """Return the times by stream and route; copies."""
        return {
            key: RouteTimes(times.handler.copy(), times.entry.copy())
            for key, times in self._uncopied().items()
        }

    def _uncopied(self) -> dict[tuple[str, str], RouteTimes]:
        """Return the times; those of this process are not copied, of which there may be thousands."""
        total = self._added_times.copy()
        for stream, recorder in self._recorders.copy().items():
            for route, timing in recorder.timings.copy().items():
                own = RouteTimes(timing.handler, timing.entry)
                added = total.get((stream, route))
                total[stream, route] = own if added is None else _sum(added, own)
        return total

    def run_counts(self) -> dict[tuple[str, str], tuple[int, ...]]:
        """Return how many runs of this process took how long, by stream and route: ``Histogram.counts``."""
        return {
            (stream, route): tuple(timing.handler.counts)
            for stream, recorder in self._recorders.copy().items()
            for route, timing in recorder.timings.copy().items()
        }

    def failures(self) -> dict[FailureKey, int]:
        """Return the failures that an exception caused."""
        total = self._added_failures.copy()
        for stream, recorder in self._recorders.copy().items():
            for key, count in recorder.failures.copy().items():
                total[stream, *key] = total.get((stream, *key), 0) + count
        return total

    def end_period(self) -> None:
        """Bring the times up to date; called in the event loop."""
        for recorder in self._recorders.values():
            recorder.end_period()

    def add(self, other: Recorded) -> None:
        """Add what another recorded."""
        for key, times in other.times().items():
            added = self._added_times.get(key)
            self._added_times[key] = times if added is None else _sum(added, times)
        for failure, count in other.failures().items():
            self._added_failures[failure] = self._added_failures.get(failure, 0) + count

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON values for ``from_dict``."""
        return {
            "limits": LIMITS,
            "times": [
                {"stream": stream, "route": route, "handler": handler.as_list(), "entry": entry.as_list()}
                for (stream, route), (handler, entry) in self._uncopied().items()
            ],
            "failures": [
                {"stream": stream, "route": route, "result": result, "class": error_class, "count": count}
                for (stream, route, result, error_class), count in self.failures().items()
            ],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the result of ``as_dict``, possibly of another version: times by other limits are left out.

        Raises KeyError, TypeError, ValueError or AttributeError if ``data`` is anything else.
        """
        recorded = cls()
        for row in data.get("times", ()) if tuple(data.get("limits", ())) == LIMITS else ():
            times = RouteTimes(Histogram.from_list(row["handler"]), Histogram.from_list(row["entry"]))
            recorded._added_times[row["stream"], row["route"]] = times
        for row in data.get("failures", ()):
            key = (row["stream"], row["route"], row["result"], row["class"])
            recorded._added_failures[key] = int(row["count"])
        return recorded


def _sum(one: RouteTimes, other: RouteTimes) -> RouteTimes:
    total = RouteTimes(one.handler.copy(), one.entry.copy())
    total.handler.add(other.handler)
    total.entry.add(other.entry)
    return total
