"""Reports entries that were deleted before they were settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamroute.adapters.redis.replies import text
from streamroute.incidents import Incident, Incidents

PENDING: Final = "%d entries of %s were deleted while they were pending: %s"
PARKED: Final = "%d parked messages of %s were deleted before they ran: %s"
SCHEDULED: Final = "%d retries of %s were deleted before they ran: %s"


def report_deleted(
    incidents: Incidents, stream: str, key: str, deleted: Sequence[bytes], template: str
) -> None:
    """Report the ids ``deleted`` from ``key``, if any, as an incident of ``stream``."""
    if deleted:
        names, count = ", ".join(map(text, deleted)), len(deleted)
        incidents.report(Incident.DELETED, stream, template, count, key, names, count=count)
