"""Where the metrics of a service come from, and whether the service is healthy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamroute.ops.metrics.counters import Counters
    from streamroute.ops.metrics.group_poller import GroupPoller
    from streamroute.ops.metrics.process_stats import ProcessStats

_BLOCKED: Final = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class MetricsSources:
    """Where metrics come from; each source may be read from any thread.

    ``counts`` gives what all processes have counted since the start, and never goes back; ``stats`` has an
    item for each process that runs handlers.
    """

    counts: Callable[[], Counters]
    stats: Callable[[], Sequence[ProcessStats]]
    group_poller: GroupPoller

    def health_problems(self) -> list[str]:
        """What is wrong with the service, a sentence each; empty if it is healthy."""
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
