"""Tallied counts: the counts of routes, some of which their callers add up in tallies."""

from __future__ import annotations

from collections.abc import Sequence

from streamroute.core.observer import Tally
from streamroute.ops.metrics.route_counts import CountsByRoute, RouteCounts, add_counts


class TalliedCounts:
    """Counts by stream and route: ``rows``, and what is in tallies beside them.

    A message in a tally counts for the keys ``succeeded`` or ``filtered``. The event loop counts; other
    threads may read.
    """

    __slots__ = ("_filtered", "_succeeded", "_tallies", "rows")

    def __init__(self, succeeded: Sequence[str], filtered: Sequence[str]) -> None:
        self.rows: CountsByRoute = {}
        self._succeeded = succeeded
        self._filtered = filtered
        self._tallies: dict[tuple[str, str], Tally] = {}

    def tally(self, stream: str, route: str) -> Tally:
        """Return the tally of a route, which is open until ``close``."""
        return self._tallies.setdefault((stream, route), Tally(stream))

    def close(self) -> None:
        """Add nothing to the tallies from now on."""
        for tally in self._tallies.values():
            tally.is_open = False

    def row(self, key: tuple[str, str]) -> RouteCounts:
        """Return a copy of the counts of one route; empty if it has none."""
        row, tally = self.rows.get(key, {}).copy(), self._tallies.get(key)
        if tally is not None:
            add_counts(row, dict.fromkeys(self._succeeded, tally.succeeded))
            add_counts(row, dict.fromkeys(self._filtered, tally.filtered))
        return row

    def table(self) -> CountsByRoute:
        """Return the counts of all routes."""
        return {**self.rows, **{key: self.row(key) for key in list(self._tallies)}}
