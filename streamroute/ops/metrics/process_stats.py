"""ProcessStats: what a process says of itself at this moment, and whether that is healthy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from streamroute.ops.metrics.counters import Counters
    from streamroute.ops.metrics.group_poller import GroupPoller

_BLOCKED: Final = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class ProcessStats:
    """``lag``: by how many seconds the event loop is late. By stream: handlers that run, slots, and those of
    them that are ``stuck``: their handlers do not end although they were cancelled.
    """

    lag: float
    running: Mapping[str, int]
    slots: Mapping[str, int]
    stuck: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """In a form that JSON can hold, which ``from_dict`` takes."""
        counts = {"running": self.running, "slots": self.slots, "stuck": self.stuck}
        return {"lag": self.lag, **{name: dict(by_stream) for name, by_stream in counts.items()}}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """The stats in such a dict; what is missing is 0, or empty.

        Raises TypeError, ValueError or AttributeError for what is no such dict.
        """
        return cls(
            lag=float(said.get("lag", 0.0)),
            running=_counts(said.get("running", {})),
            slots=_counts(said.get("slots", {})),
            stuck=_counts(said.get("stuck", {})),
        )

    @property
    def blocked_streams(self) -> list[str]:
        """The streams of which no slot is left: handlers that do not end have all of them."""
        return [stream for stream, slots in self.slots.items() if self.stuck.get(stream, 0) >= slots > 0]


def _counts(said: Mapping[str, Any]) -> dict[str, int]:
    return {stream: int(count) for stream, count in said.items()}


@dataclass(frozen=True, slots=True)
class MetricsSources:
    """Where metrics come from; each may be asked from any thread.

    ``counts`` is what all processes together have counted since the start, and never less than the last
    time; ``stats`` has one entry for each process that runs handlers.
    """

    counts: Callable[[], Counters]
    stats: Callable[[], Sequence[ProcessStats]]
    group_poller: GroupPoller

    def health_problems(self) -> list[str]:
        """Why this is not healthy, in words; empty where it is."""
        processes = self.stats()
        lags = [stats.lag for stats in processes]
        found = [f"an event loop is blocked: it is {lag:.0f} s late" for lag in lags if lag > _BLOCKED]
        blocked = dict.fromkeys(name for stats in processes for name in stats.blocked_streams)
        found += [f"handlers that do not end have all slots of {stream}" for stream in blocked]
        if not lags:
            found.append("no process runs handlers")
        if not self.group_poller.is_up:
            found.append("Redis has not answered lately")
        return found
