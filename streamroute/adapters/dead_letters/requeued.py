"""The retry that a dead letter becomes when it is requeued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamroute.adapters.entries.record_facts import append_failure, trace_of
from streamroute.adapters.entries.retry_record import RetryRecord

if TYPE_CHECKING:
    from streamroute.adapters.entries.dead_record import DeadRecord


def retry_of(record: DeadRecord, to: str | None = None) -> RetryRecord:
    """Return the retry of a letter's message, at the first attempt and with its history.

    It goes only to the route that failed; without one, to all its routes; with ``to``, only to that route,
    whose filter is not asked.
    """
    route = record.route if to is None else to
    routes = record.routes if route is None else [route]
    history = append_failure(record.history, record.as_failure())
    accepted = to is not None or (record.accepted and route is not None)
    facts: dict[str, Any] = {"trace": trace_of(record.trace), "replay": record.replay}
    return RetryRecord(record.id, frozenset(routes), 1, record.fields, history, accepted, **facts)
