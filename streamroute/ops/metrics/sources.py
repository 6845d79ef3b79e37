"""The sources of a service's metrics, and its health."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamroute.ops.metrics.counters import Counters
    from streamroute.ops.metrics.group_poller import GroupPoller
    from streamroute.ops.metrics.process_stats import ProcessStats
    from streamroute.ops.metrics.reload_status import ReloadStatus

_BLOCKED: Final = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class MetricsSources:
    """The sources of metrics; each may be read from any thread.

    ``counts`` returns the counts of all processes since the start, which never decrease; ``stats`` returns an
    item for each process that runs handlers. ``reloads`` is the status of a configuration that may be
    reloaded, else None.
    """

    counts: Callable[[], Counters]
    stats: Callable[[], Sequence[ProcessStats]]
    group_poller: GroupPoller
    reloads: ReloadStatus | None = None

    def health_problems(self) -> list[str]:
        """Return the problems of the service, one sentence each; empty if it is healthy."""
        processes = self.stats()
        lags = [stats.lag for stats in processes]
        problems = [f"an event loop is blocked: it is {lag:.0f} s late" for lag in lags if lag > _BLOCKED]
        blocked = dict.fromkeys(name for stats in processes for name in stats.blocked_streams)
        problems += [f"every handler of {stream} is stuck, so no message runs" for stream in blocked]
        if not lags:
            problems.append("no process runs handlers")
        if not self.group_poller.is_up:
            problems.append("Redis has not answered lately")
        return problems
