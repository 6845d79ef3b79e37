"""Vitals: what a process says of itself at this moment, and whether that is healthy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from streamroute.ops.metrics.census import Census
    from streamroute.ops.tally import Tally

_BLOCKED: Final = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Vitals:
    """``lag``: by how many seconds the event loop is late; by stream: handlers that run, and slots."""

    lag: float
    running: Mapping[str, int]
    slots: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """In a form that JSON can hold, which ``from_dict`` takes."""
        return {"lag": self.lag, "running": dict(self.running), "slots": dict(self.slots)}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """The vitals in such a dict; what is missing is 0, or empty.

        Raises TypeError, ValueError or AttributeError for what is no such dict.
        """
        return cls(
            lag=float(said.get("lag", 0.0)),
            running=_counts(said.get("running", {})),
            slots=_counts(said.get("slots", {})),
        )


def _counts(said: Mapping[str, Any]) -> dict[str, int]:
    return {stream: int(count) for stream, count in said.items()}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where metrics come from; each may be asked from any thread.

    ``counts`` is what all processes together have counted since the start, and never less than the last
    time; ``vitals`` has one entry for each process that runs handlers.
    """

    counts: Callable[[], Tally]
    vitals: Callable[[], Sequence[Vitals]]
    census: Census

    def complaints(self) -> list[str]:
        """Why this is not healthy, in words; empty where it is."""
        lags = [vitals.lag for vitals in self.vitals()]
        found = [f"an event loop is blocked: it is {lag:.0f} s late" for lag in lags if lag > _BLOCKED]
        if not lags:
            found.append("no process runs handlers")
        if not self.census.is_up:
            found.append("Redis has not answered lately")
        return found
