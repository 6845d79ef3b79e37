"""Worker report: what a worker reports to its supervisor, as one line of JSON.

Supervisor and worker may have different versions, since a restarted worker runs the version installed then.
So values have names: a missing one has its default, and an unknown one is ignored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Self

from streamroute.ops.metrics.counters import Counters
from streamroute.ops.metrics.process_stats import ProcessStats

MAX_REPORT_BYTES: Final = 16 * 2**20
"""Maximum bytes of a report: the counts of about 100,000 routes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """``ready``: all consumers have started. ``ended``: the worker has stopped cleanly.

    ``counts`` are since the start of the worker; None if the report does not have them.
    """

    ready: bool = False
    ended: bool = False
    counts: Counters | None = None
    stats: ProcessStats

    def to_line(self) -> bytes:
        """Return the report as one line for ``from_line``."""
        data: dict[str, Any] = {
            "ready": self.ready,
            "ended": self.ended,
            "stats": self.stats.as_dict(),
        }
        if self.counts is not None:
            data["counts"] = self.counts.as_dict()
        # Message types are external input and may contain lone surrogates.
        return json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """Parse a line; raises ValueError if it is not a report."""
        try:
            data = json.loads(line)
            return cls(
                ready=bool(data.get("ready", False)),
                ended=bool(data.get("ended", False)),
                counts=Counters.from_dict(data["counts"]) if "counts" in data else None,
                stats=ProcessStats.from_dict(data.get("stats", {})),
            )
        except (AttributeError, KeyError, OverflowError, RecursionError, TypeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error
