"""Incidents: events of a stream beside its messages, each logged and counted in one call."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from streamroute.logs.coalescing import NEVER_COALESCED, coalesced_by

log = logging.getLogger(__name__)


class Incident(StrEnum):
    """What happened to a stream, beside what became of its messages."""

    OUTAGE = "outage"
    """Reading, claiming, settling ... began to fail; it is tried again until it works."""
    GROUP_LOST = "group_lost"
    """The consumer group was gone; it was created again, and what was not settled runs again."""
    WENT_BACK = "went_back"
    """The group is less far than it was: the server has lost writes, and what was done since runs again."""
    RESTORED = "restored"
    """The due times of retries had been deleted; they run now."""
    DELETED = "deleted"
    """Entries were deleted that were pending, or waited for a retry: they will not run."""
    CLAIMED = "claimed"
    """Entries were taken over from another consumer."""
    REDELIVERED = "redelivered"
    """Of those, the ones that had been handed out before: they may have run."""
    STUCK = "stuck"
    """Handlers did not end although they were cancelled."""
    WORKER_DIED = "worker_died"
    """A worker process ended by itself; it is started again. It concerns no stream in particular."""


_LEVELS: Final = {
    Incident.GROUP_LOST: logging.ERROR,
    Incident.WENT_BACK: logging.ERROR,
    Incident.DELETED: logging.ERROR,
    Incident.STUCK: logging.ERROR,
    Incident.WORKER_DIED: logging.ERROR,
    Incident.CLAIMED: logging.DEBUG,
    Incident.REDELIVERED: logging.DEBUG,
}

_ALWAYS_WRITTEN: Final = frozenset({Incident.DELETED, Incident.STUCK, Incident.WORKER_DIED})

IncidentCallback = Callable[[str, Incident, int], None]
"""``(stream, incident, how many)``; called from any thread, so it must be quick and must not raise."""


def ignore_incident(_stream: str, _incident: Incident, _count: int) -> None:
    """Default no-op callback."""


class Incidents:
    """Reports incidents: each is logged and counted, or neither."""

    def __init__(self, callback: IncidentCallback = ignore_incident) -> None:
        self._callback = callback

    def report(
        self, incident: Incident, stream: str, text: str, *details: object, count: int = 1, kind: str = ""
    ) -> None:
        """Log ``text % details``, at the level of the incident, and count it ``count`` times.

        Two hundred streams may lose their server at once: in the log that is one line, or one for each
        ``kind``. Deleted entries, stuck handlers and dead workers have a line each.
        """
        alike = NEVER_COALESCED if incident in _ALWAYS_WRITTEN else coalesced_by(text, kind)
        log.log(_LEVELS.get(incident, logging.WARNING), text, *details, stacklevel=2, extra=alike)
        self._callback(stream, incident, count)


LOG_ONLY: Final = Incidents()
"""Incidents that are logged and not counted."""
