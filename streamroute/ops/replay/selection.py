"""What a replay runs again: a range of a stream, the routes, and filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.entries.entry_ids import parse_id
from streamroute.errors import StreamrouteError

if TYPE_CHECKING:
    from streamroute.adapters.jobs.job import Job

KIND: Final = "replay"
"""The kind of its jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySelection:
    """A range of ids of a stream (inclusive), the routes to run, and a filter of the replay's own.

    ``no_filter``: the routes' own filters are not evaluated.
    """

    stream: str
    routes: tuple[str, ...]
    start: str
    end: str
    filter: str | None = None
    no_filter: bool = False

    @property
    def text(self) -> str:
        """The selection in a few words, for the audit log."""
        parts = [self.stream, f"from {self.start} to {self.end}", f"in {', '.join(self.routes)}"]
        if self.filter is not None:
            parts.append(f"where {self.filter}")
        return " ".join(parts)

    def pack(self) -> dict[str, Any]:
        """Return the selection as a job keeps it."""
        return {
            "routes": list(self.routes),
            "start": self.start,
            "end": self.end,
            "filter": self.filter,
            "no_filter": self.no_filter,
        }

    @classmethod
    def of(cls, job: Job, stream: str) -> ReplaySelection:
        """Return the selection of a job; raises StreamrouteError if it is damaged."""
        facts: Mapping[str, Any] = job.selection
        texts = [facts.get("start"), facts.get("end"), job.cursor or "0-0"]
        routes, expression = facts.get("routes"), facts.get("filter")
        is_whole = (
            all(map(_is_id, texts))
            and isinstance(routes, list)
            and all(isinstance(route, str) for route in routes)
            and isinstance(expression, str | None)
        )
        if not is_whole:
            raise StreamrouteError(f"the selection of the job {job.id} is damaged")
        return cls(
            stream=stream,
            routes=tuple(facts["routes"]),
            start=facts["start"],
            end=facts["end"],
            filter=expression,
            no_filter=facts.get("no_filter") is True,
        )


def _is_id(value: Any) -> bool:
    try:
        parse_id(value)
    except (AttributeError, TypeError, ValueError):
        return False
    return True
