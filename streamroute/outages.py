"""Outages: back off with jitter after each failure, and log only the first failure and the recovery."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass, field
from typing import Any, Final

from streamroute.errors import SetupError
from streamroute.incidents import LOG_ONLY, Incident, Incidents
from streamroute.logs.coalescing import coalesced_by
from streamroute.logs.exception_text import error_line
from streamroute.text.limits import ERROR
from streamroute.text.safe_text import type_name
from streamroute.text.truncation import clip

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backoff:
    """The waits before further attempts, in seconds: twice as long after each failure, up to ``longest``."""

    first: float = 0.05
    longest: float = 2.0

    def wait(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row: half of them, or more by chance."""
        ceiling = min(self.first * 2 ** min(failures, 10), self.longest)
        return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - jitter, not a secret


BACKOFF: Final = Backoff()


@dataclass(slots=True)
class OutageTracker:
    """Consecutive failures of one activity: the delay before the next attempt, and what to log.

    ``stream`` is the affected stream, or empty; it replaces ``%s`` in ``doing``. The log coalesces the same
    activity of many streams into one line.
    """

    doing: str
    stream: str = ""
    incidents: Incidents = LOG_ONLY
    backoff: Backoff = BACKOFF
    failures: int = 0
    _since: float = field(default=0.0)
    _stated: str = ""

    @property
    def activity(self) -> str:
        """The activity, with the name of its stream."""
        return self.doing.replace("%s", self.stream) if self.stream else self.doing

    def record_failure(self, error: BaseException | str) -> float:
        """Record a failure (an exception or a reason); return the seconds to wait.

        Logs the first failure, and any later SetupError, since its text contains a remedy.
        """
        error_type, reason = _kind_and_reason(error)
        stated = reason if issubclass(type(error), SetupError) else ""
        if self.failures == 0:
            self._since, self._stated = time.monotonic(), ""
        if self.failures == 0 or stated not in ("", self._stated):
            self._stated = stated or self._stated
            template = "%s failed; retrying: %s"
            new = int(self.failures == 0)  # later reports belong to the same outage
            details = (self.activity, reason)
            alike = f"{self.doing} {error_type}"
            self.incidents.report(Incident.OUTAGE, self.stream, template, *details, count=new, kind=alike)
        self.failures += 1
        return self.backoff.wait(self.failures)

    def record_success(self) -> None:
        """Record a success, which ends the outage."""
        if self.failures:
            lasted = time.monotonic() - self._since
            template, alike = (
                "%s recovered after %d failures in %.1fs",
                coalesced_by("recovered", self.doing),
            )
            log.warning(template, self.activity, self.failures, lasted, extra=alike)
            self.failures = 0


def _kind_and_reason(error: Any) -> tuple[str, str]:
    """Return the type name and the reason of a failure; a user's storage may raise anything."""
    return ("", clip(error, ERROR)) if type(error) is str else (type_name(error), one_line(error))


def one_line(error: BaseException) -> str:
    """Return an exception as one line."""
    return error_line(error)
