"""Reports about the entries of a consumer to its operators: log lines and incidents."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any, Final

from streamroute.core.consume.pool.key_ordering import Entry
from streamroute.core.consume.pool.worker import Worker
from streamroute.core.stack_traces import task_stack, thread_stack
from streamroute.incidents import Incident, Incidents
from streamroute.logs.record_facts import about_entry
from streamroute.message import Message
from streamroute.outages import one_line

log = logging.getLogger(__name__)

_CUT_ONE: Final = "%d handler was cut off after %gs; its entry runs again"
_CUT_MANY: Final = "%d handlers were cut off after %gs; their entries run again"
_STUCK: Final = (
    "a cancelled handler keeps running and occupies a worker; entry %s of %s will be delivered again: %s"
)
_RUNS_ON: Final = (
    "a plain function still runs after its timeout or cancellation and occupies a worker; "
    "it was started for entry %s of %s: %s"
)


class EntryReports:
    """The reports of one stream. They change no entry."""

    def __init__(self, stream: str, incidents: Incidents) -> None:
        self._stream = stream
        self._incidents = incidents

    def claimed(self, entries: Collection[Entry]) -> None:
        """Report entries claimed from other consumers, and how many of them were delivered before."""
        stream = self._stream
        count = len(entries)
        messages = [payload for _, payload in entries if isinstance(payload, Message)]
        again = sum(message.delivery.deliveries > 1 for message in messages)
        if count:
            template = "%d entries of %s were taken over"
            self._incidents.report(Incident.CLAIMED, stream, template, count, stream, count=count)
        if again:
            template = "%d entries of %s are delivered again"
            self._incidents.report(Incident.REDELIVERED, stream, template, again, stream, count=again)

    def stuck(self, entry_id: str, payload: dict[str, Any], worker: Worker) -> None:
        """Report a cancelled handler that keeps running, or threads of a plain function, with the stack."""
        if worker.abandoned is None:
            template, stack = _STUCK, task_stack(worker.task)
        else:
            template, stack = _RUNS_ON, ", and ".join(map(thread_stack, worker.abandoned.calls))
        details = entry_id, self._stream, stack
        self._incidents.report(Incident.STUCK, self._stream, template, *details, about=payload)

    def uncancellable(self, count: int) -> None:
        """Report handlers that had not ended when the consumer stopped."""
        template = "%d cancelled handlers did not end"
        self._incidents.report(Incident.STUCK, self._stream, template, count, count=count)

    def cut_off(self, count: int, grace: float) -> None:
        """Report handlers that were cancelled after the grace period."""
        log.warning(_CUT_ONE if count == 1 else _CUT_MANY, count, grace)

    def failed(self, entry_id: str, error: BaseException) -> None:
        """Report an entry that ended without an outcome."""
        log.error("entry %s of %s stays pending: %s", entry_id, self._stream, one_line(error))

    def lost(self, entry_id: str, payload: dict[str, Any]) -> None:
        """Report an entry that another worker has claimed."""
        template = "lost the lease of entry %s of %s: another worker has claimed it"
        log.warning(template, entry_id, self._stream, extra=about_entry(payload))
