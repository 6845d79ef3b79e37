"""Incidents: events of a stream other than message outcomes, each logged and counted in one call."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Final

from streamroute.logs.coalescing import NEVER_COALESCED, coalesced_by
from streamroute.logs.record_facts import about_entry

log = logging.getLogger(__name__)


class Incident(StrEnum):
    """Kinds of events of a stream, other than the outcomes of its messages."""

    OUTAGE = "outage"
    """Reading, claiming, settling ... began to fail; it is retried until it succeeds."""
    GROUP_RECREATED = "group_recreated"
    """The consumer group was missing; it was created again, and unsettled entries run again."""
    WENT_BACK = "went_back"
    """The group's position went back: the server lost writes, and entries after it run again."""
    RESTORED = "restored"
    """The due times of retries were deleted; the retries run now."""
    DELETED = "deleted"
    """Entries were deleted while pending or waiting for a retry: they will not run."""
    CLAIMED = "claimed"
    """Entries were claimed from another consumer."""
    REDELIVERED = "redelivered"
    """Claimed entries that had been delivered before: they may have run."""
    STUCK = "stuck"
    """Handlers did not end after they were cancelled."""
    CANARY_STOPPED = "canary_stopped"
    """A canary was switched off, because too many of its messages failed."""
    FAILURE_RETURNED = "failure_returned"
    """A dead letter belongs to a group of failures that was marked as resolved."""
    CIRCUIT_OPENED = "circuit_opened"
    """A route failed so often that its circuit paused it."""
    WORKER_DIED = "worker_died"
    """A worker process ended unexpectedly and is restarted. Not specific to a stream."""
    RELOAD_MISSED = "reload_missed"
    """A worker process did not follow a reload and is restarted. Not specific to a stream."""


_LEVELS: Final = {
    Incident.GROUP_RECREATED: logging.ERROR,
    Incident.WENT_BACK: logging.ERROR,
    Incident.DELETED: logging.ERROR,
    Incident.STUCK: logging.ERROR,
    Incident.CANARY_STOPPED: logging.ERROR,
    Incident.CIRCUIT_OPENED: logging.ERROR,
    Incident.WORKER_DIED: logging.ERROR,
    Incident.CLAIMED: logging.DEBUG,
    Incident.REDELIVERED: logging.DEBUG,
}

_ALWAYS_WRITTEN: Final = frozenset(
    {
        Incident.DELETED,
        Incident.STUCK,
        Incident.CANARY_STOPPED,
        Incident.FAILURE_RETURNED,
        Incident.CIRCUIT_OPENED,
        Incident.WORKER_DIED,
        Incident.RELOAD_MISSED,
    }
)

IncidentCallback = Callable[[str, Incident, int], None]
"""``(stream, incident, count)``; called from any thread, so it must be quick and must not raise."""


def ignore_incident(_stream: str, _incident: Incident, _count: int) -> None:
    """Default no-op callback."""


class Incidents:
    """Reports incidents: each is logged and counted, or neither."""

    def __init__(self, callback: IncidentCallback = ignore_incident) -> None:
        self._callback = callback

    def report(
        self,
        incident: Incident,
        stream: str,
        text: str,
        *details: object,
        count: int = 1,
        kind: str = "",
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """Log ``text % details``, at the level of the incident, and count it ``count`` times.

        Equal incidents of many streams, such as a lost server, are logged as one line, or one for each
        ``kind``. Deleted entries, stuck handlers, stopped canaries, and workers that died or missed
        a reload get a line each. ``about`` is the payload of the entry that it is about.
        """
        alike = NEVER_COALESCED if incident in _ALWAYS_WRITTEN else coalesced_by(text, kind)
        extra = {**alike, **about_entry(about)}
        log.log(_LEVELS.get(incident, logging.WARNING), text, *details, stacklevel=2, extra=extra)
        self._callback(stream, incident, count)


LOG_ONLY: Final = Incidents()
"""Incidents that are logged and not counted."""
