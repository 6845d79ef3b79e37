"""Stopping: switch a canary off when too many of its recent messages fail.

A message counts once when it first succeeds or has to be retried, and once when it is dead-lettered. The
limits are counts: with ``{dead: 1%, of: 200}`` the third dead letter among the last 200 messages stops the
canary, also if there have been fewer than 200. The state belongs to the pipeline: the next generation, or a
process that starts again, has a running canary. Each process counts its own messages. A message that ends its
whole process is not counted, since it is not known which route ran.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from streamroute.core.dispatch.outcomes import attempt_of
from streamroute.core.observer import Observer, Result
from streamroute.incidents import Incident, Incidents

if TYPE_CHECKING:
    from streamroute.compiler.trials.canaries import Canary
    from streamroute.config.document import StopAt

_FIRST: Final = {
    Result.SUCCEEDED: Result.SUCCEEDED,
    Result.RETRIED: Result.RETRIED,
    Result.FAILED: Result.RETRIED,
    Result.DEAD: Result.DEAD,
}
"""How the result of a first attempt counts; other results do not count."""
_LATER: Final = {Result.DEAD: Result.DEAD}


class CanaryWatch:
    """Counts the recent messages of one canary of ``stream``, and stops it."""

    def __init__(self, canary: Canary, stop_at: StopAt, stream: str, incidents: Incidents) -> None:
        self._canary = canary
        self._stop_at = stop_at
        self._stream = stream
        self._incidents = incidents
        self._recent: deque[Result] = deque(maxlen=stop_at.of)
        self._counts: Counter[Result] = Counter()

    def record(self, result: Result, attempt: int) -> None:
        """Count the result of an attempt."""
        counted = (_FIRST if attempt == 1 else _LATER).get(result)
        if counted is None or self._canary.is_stopped:
            return
        if len(self._recent) == self._stop_at.of:
            self._counts[self._recent[0]] -= 1
        self._recent.append(counted)
        self._counts[counted] += 1
        if counted is Result.DEAD:
            self._stop_beyond("dead", self._stop_at.dead, Result.DEAD, "dead-lettered")
        elif counted is Result.RETRIED:
            self._stop_beyond("retry", self._stop_at.retry, Result.RETRIED, "retried")

    def _stop_beyond(self, key: str, percent: float | None, result: Result, what: str) -> None:
        # Rounded, since 0.57 * 10,000 is a little less than 5,700.
        if percent is None or self._counts[result] * 100 <= round(percent * self._stop_at.of, 6):
            return
        self._canary.is_stopped = True
        self._incidents.report(
            Incident.CANARY_STOPPED,
            self._stream,
            "canary %s is switched off until the next generation of the configuration: %d of its last %d "
            "messages on %s were %s (stop_at: {%s: %g%%, of: %d}); %s takes them all",
            *(self._canary.name, self._counts[result], len(self._recent), self._stream, what),
            *(key, percent, self._stop_at.of, self._canary.instead_of),
        )


def watch_canaries(
    observer: Observer, canaries: Iterable[Canary], stream: str, incidents: Incidents
) -> Observer:
    """Return an observer that also watches those canaries of a stream that have ``stop_at``."""
    watches = {
        canary.name: CanaryWatch(canary, canary.config.stop_at, stream, incidents)
        for canary in canaries
        if canary.config.stop_at is not None
    }
    if not watches:
        return observer

    def observe(payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        observer(payload, route, result)
        watch = watches.get(route) if route is not None else None
        if watch is not None:
            watch.record(result, attempt_of(payload))

    return observe
