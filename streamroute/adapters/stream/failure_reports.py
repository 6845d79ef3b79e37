"""Reports what a settlement learned of the index of failures."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from streamroute.adapters.redis.replies import text
from streamroute.adapters.redis.scripts import script_error_text
from streamroute.incidents import LOG_ONLY, Incident, Incidents
from streamroute.keys import GroupKeys
from streamroute.logs.coalescing import coalesced_by

log = logging.getLogger(__name__)


def report_failures(keys: GroupKeys, notes: Sequence[Any], incidents: Incidents = LOG_ONLY) -> None:
    """Report each signature whose group was resolved, and log one that could not be counted.

    The letters of both are stored. ``notes`` are signatures, each with ``returned`` or a reason.
    """
    pairs = iter(map(text, notes))
    for signature, note in zip(pairs, pairs, strict=True):
        if note == "returned":
            incidents.report(
                *(Incident.FAILURE_RETURNED, keys.stream),
                "the failure %s of %s came back after it was resolved; `streamroute dead list --group %s`",
                *(signature, keys.stream, signature),
            )
        else:
            template = (
                "the dead letters of %s are not counted in %s, so `streamroute dead groups` reads all: %s"
            )
            reason = script_error_text(Exception(note))
            log.warning(
                template, keys.stream, keys.failures, reason, extra=coalesced_by(template, keys.stream)
            )
