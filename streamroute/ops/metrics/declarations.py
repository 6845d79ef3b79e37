"""Declarations of all metrics of ``serve --metrics``: name, help, and how each is counted or read.

To add a metric, declare it here, and generate the reference again: ``Counters``, the reports of the
workers and the collector read it from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamroute.core.observer import Result
from streamroute.incidents import Incident

if TYPE_CHECKING:
    from streamroute.adapters.groups.stats import GroupStats
    from streamroute.ops.metrics.process_stats import ProcessStats

UNDECODABLE: Final = "undecodable"
UNLISTED: Final = "unlisted"
LEASE_LOST: Final = "lease_lost"
"""Events in addition to those of ``Incident``."""


@dataclass(frozen=True, slots=True)
class RouteMetric:
    """A counter of each route.

    ``key`` is its name in ``Counters`` and in worker reports. ``is_counted(result, is_first)`` decides
    whether the result of an attempt counts. ``result`` is the value of the label ``result``; if it is None,
    the metric has no such label. With ``without_route``, messages that failed before any route also count.
    """

    key: str
    name: str
    help: str
    is_counted: Callable[[Result, bool], bool]
    result: str | None = None
    without_route: bool = False


def _outcome(outcome: Result, *, without_route: bool = False) -> RouteMetric:
    return RouteMetric(
        str(outcome),
        "messages",
        "What became of messages at a route, by result.",
        lambda result, _is_first: result is outcome,
        str(outcome),
        without_route,
    )


_UNMATCHED: Final = frozenset({Result.POSTPONED, Result.PARKED, Result.FILTERED})

ROUTE_METRICS: Final = (
    RouteMetric(
        "matched",
        "messages_matched",
        "Messages that a route matched, each once.",
        # A postponed message is counted when it is delivered again.
        lambda result, is_first: is_first and result not in _UNMATCHED,
    ),
    RouteMetric(
        "filtered",
        "messages_filtered",
        "Messages for which the filter of a route was evaluated, and false.",
        lambda result, _is_first: result is Result.FILTERED,
    ),
    _outcome(Result.SUCCEEDED),
    _outcome(Result.RETRIED),
    _outcome(Result.POSTPONED),
    _outcome(Result.PARKED),
    _outcome(Result.SKIPPED),
    _outcome(Result.DEAD, without_route=True),
)


SHADOW_RESULTS: Final[Mapping[str, str]] = {
    Result.SHADOW_MATCHED: "matched",
    Result.SHADOW_NOT_MATCHED: "not_matched",
    Result.SHADOW_FILTER_ERROR: "filter_error",
    Result.SHADOW_TRANSFORM_ERROR: "transform_error",
}
"""Results of shadow routes -> label ``result`` of the counter ``shadow_messages``."""


@dataclass(frozen=True, slots=True)
class EventMetric:
    """A counter of each stream, or with ``by_stream=False`` of the service.

    ``event`` is an ``Incident``, or one of the names above. ``summary`` is its text in the table at the end
    of a run; empty if it is not shown there.
    """

    event: str
    name: str
    help: str
    summary: str = ""
    by_stream: bool = True


EVENT_METRICS: Final = (
    EventMetric(UNLISTED, "messages_unlisted", "Messages of types that no route lists, acknowledged."),
    EventMetric(UNDECODABLE, "messages_undecodable", "Messages that could not be decoded, dead-lettered."),
    EventMetric(Incident.CLAIMED, "entries_claimed", "Entries claimed from another consumer."),
    EventMetric(
        Incident.REDELIVERED,
        "entries_redelivered",
        "Entries delivered again: they may have run before.",
        "entries that were delivered again after a worker had left them",
    ),
    EventMetric(
        LEASE_LOST,
        "leases_lost",
        "Entries that another worker claimed while this one held them.",
        "entries that another worker claimed meanwhile, and may have run as well",
    ),
    EventMetric(
        Incident.WENT_BACK,
        "groups_went_back",
        "Times that the group's position went back: the server was restored, or the group was moved.",
    ),
    EventMetric(
        Incident.RESTORED, "retries_restored", "Retries whose due time was missing, and that ran at once."
    ),
    EventMetric(
        Incident.DELETED,
        "entries_deleted",
        "Entries that were deleted while they were pending or waited for a retry.",
        "entries that were deleted before they were done",
    ),
    EventMetric(
        Incident.GROUP_RECREATED,
        "groups_recreated",
        "Times that the consumer group was missing, and was created again.",
        "times that the consumer group was missing, so that its unsettled entries ran again",
    ),
    EventMetric(Incident.OUTAGE, "outages", "Times that reading, claiming, settling ... began to fail."),
    EventMetric(
        Incident.CANARY_STOPPED,
        "canaries_stopped",
        "Times that a canary was switched off, because too many of its messages failed.",
        "times that a canary was switched off, because too many of its messages failed",
    ),
    EventMetric(
        Incident.FAILURE_RETURNED,
        "failures_returned",
        "Times that a failure came back after it was marked as resolved.",
        "times that a failure came back after it was marked as resolved",
    ),
    EventMetric(
        Incident.CIRCUIT_OPENED,
        "circuits_opened",
        "Times that a route failed so often that its circuit paused it.",
        "times that a circuit paused a route, because it failed too often",
    ),
    EventMetric(Incident.STUCK, "handlers_stuck", "Handlers that did not end after they were cancelled."),
    EventMetric(
        Incident.WORKER_DIED, "workers_died", "Worker processes that ended unexpectedly.", by_stream=False
    ),
    EventMetric(
        Incident.RELOAD_MISSED,
        "workers_missed_reload",
        "Times that a worker process did not follow a reload, and was started again.",
        by_stream=False,
    ),
)


@dataclass(frozen=True, slots=True)
class GroupMetric:
    """A gauge of each stream's group, as reported by Redis; absent while its value is unknown (None)."""

    name: str
    help: str
    value: Callable[[GroupStats], float | None]


GROUP_METRICS: Final = (
    GroupMetric("entries_unread", "Entries that the group has not read yet.", lambda group: group.unread),
    GroupMetric(
        "entries_pending", "Entries that were read and are not settled.", lambda group: group.pending
    ),
    GroupMetric(
        "oldest_pending_seconds",
        "Age of the oldest pending entry, since it was produced.",
        lambda group: group.oldest,
    ),
    GroupMetric(
        "lease_seconds", "The lease in force: the longest of a live worker.", lambda group: group.lease
    ),
    GroupMetric("retries_scheduled", "Retries that are not due yet.", lambda group: group.scheduled),
    GroupMetric("dead_letters", "Dead letters in the stream's dead letter stream.", lambda group: group.dead),
    GroupMetric(
        "messages_parked",
        "Messages that wait for the end of a pause of their route.",
        lambda group: group.parked,
    ),
)


@dataclass(frozen=True, slots=True)
class ProcessMetric:
    """A gauge of each stream, summed over the processes."""

    name: str
    help: str
    value: Callable[[ProcessStats], Mapping[str, int]]


PROCESS_METRICS: Final = (
    ProcessMetric("handlers_running", "Handlers that are running.", lambda stats: stats.running),
    ProcessMetric("concurrency", "Handlers that may run at once.", lambda stats: stats.concurrency),
    ProcessMetric(
        "concurrency_stuck",
        "Of these, how many are occupied by handlers that kept running after their cancellation.",
        lambda stats: stats.stuck,
    ),
)
