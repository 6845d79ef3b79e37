"""A retry that waits, and the failure that it is a retry of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamroute.ops.dead_letters.redacted_record import redacted_failure
from streamroute.ops.status.times import iso_time
from streamroute.payload_redaction import HIDES_NOTHING, PayloadRedactor

if TYPE_CHECKING:
    from streamroute.adapters.entries.retry_record import RetryRecord
    from streamroute.adapters.retries.scheduled import ScheduledRetry
    from streamroute.values import Failure


@dataclass(frozen=True, slots=True)
class WaitingRetry:
    """A retry of a stream's group; ``failure`` is its last failure (None: it has not failed, or ``problem``).

    ``problem`` says why its record cannot be read.
    """

    stream: str
    scheduled: ScheduledRetry
    failure: Failure | None = None
    problem: str = ""

    def as_dict(self, now: int) -> dict[str, Any]:
        """Return the JSON form; ``now`` is Redis time in ms. ``wait`` is in seconds, 0 if it is due."""
        name, failure = self.scheduled.name, self.failure
        return {
            "id": name.id,
            "stream": self.stream,
            "routes": list(name.routes),
            "attempt": name.attempt,
            "replay": name.replay,
            "due": iso_time(self.scheduled.due),
            "wait": max(0, self.scheduled.due - now) / 1000,
            "error": "" if failure is None else failure.error,
            "error_class": "" if failure is None else failure.error_class,
            "failed": None if failure is None else iso_time(int(failure.time * 1000)),
            "problem": self.problem,
        }


def waiting_retry(
    stream: str,
    scheduled: ScheduledRetry,
    record: RetryRecord | Exception | None,
    redactor: PayloadRedactor = HIDES_NOTHING,
) -> WaitingRetry:
    """Return a retry with what its record says, but for what is hidden; without one, it has just gone."""
    if isinstance(record, Exception):
        return WaitingRetry(stream, scheduled, problem=str(record))
    if record is None or not record.history:
        return WaitingRetry(stream, scheduled)
    hidden = redactor.hidden_in(fields=record.fields)
    return WaitingRetry(stream, scheduled, redacted_failure(record.history[-1], hidden))
