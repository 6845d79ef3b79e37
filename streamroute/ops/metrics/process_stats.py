"""Process stats: the state that a process reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ProcessStats:
    """The state of one process.

    ``lag``: by how many seconds the event loop is late. By stream: the number of ``running`` handlers, how
    many may run at once (``concurrency``), and how many are ``stuck``: still running after they were
    cancelled. ``stopped_canaries``: by stream and route, whether a canary is switched off (1) or not (0).
    ``generation``: the configuration that decodes messages. ``old_generations``: earlier ones that are still
    in use, and how many of their messages are in flight. ``running_routes``: by stream and route, the number
    of running handlers.
    """

    lag: float = 0.0
    running: Mapping[str, int] = field(default_factory=dict)
    concurrency: Mapping[str, int] = field(default_factory=dict)
    stuck: Mapping[str, int] = field(default_factory=dict)
    stopped_canaries: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    generation: str = ""
    old_generations: Mapping[str, int] = field(default_factory=dict)
    running_routes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the stats as JSON values for ``from_dict``."""
        counts = {"running": self.running, "concurrency": self.concurrency, "stuck": self.stuck}
        by_route = {"stopped_canaries": self.stopped_canaries, "running_routes": self.running_routes}
        by_name: dict[str, Any] = {name: dict(by_stream) for name, by_stream in counts.items()}
        by_name |= {
            name: {stream: dict(of_stream) for stream, of_stream in by_stream.items()}
            for name, by_stream in by_route.items()
        }
        generations = {"generation": self.generation, "old_generations": dict(self.old_generations)}
        return {"lag": self.lag, **by_name, **generations}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the result of ``as_dict``; missing values are 0 or empty.

        Raises TypeError, ValueError or AttributeError if ``data`` is anything else.
        """
        return cls(
            lag=float(data.get("lag", 0.0)),
            running=_counts(data.get("running", {})),
            concurrency=_counts(data.get("concurrency", {})),
            stuck=_counts(data.get("stuck", {})),
            stopped_canaries=_counts_by_route(data.get("stopped_canaries", {})),
            generation=str(data.get("generation", "")),
            old_generations=_counts(data.get("old_generations", {})),
            running_routes=_counts_by_route(data.get("running_routes", {})),
        )

    @property
    def blocked_streams(self) -> list[str]:
        """The streams on which all workers are occupied by stuck handlers, so that no message runs."""
        return [
            stream for stream, limit in self.concurrency.items() if self.stuck.get(stream, 0) >= limit > 0
        ]


def _counts(data: Mapping[str, Any]) -> dict[str, int]:
    return {stream: int(count) for stream, count in data.items()}


def _counts_by_route(data: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    return {stream: _counts(by_route) for stream, by_route in data.items()}
