"""What happens to a held entry: the worker pool and the settler report it here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from streamroute.core.cancellation import is_own_cancellation
from streamroute.core.consume.entry_reports import EntryReports
from streamroute.core.consume.fetch.due_timer import DueTimer
from streamroute.core.consume.in_flight import InFlight
from streamroute.core.consume.pool.worker import Worker
from streamroute.core.observer import Observer, Result
from streamroute.errors import LeaseLostError
from streamroute.message import Message
from streamroute.values import Outcome, RetryLater


class EntryEvents:
    """Stops holding entries that are settled, failed, lost or stuck, and reports them.

    ``due`` records each scheduled retry. ``on_stuck`` is called when a cancelled handler keeps running.
    ``quota_freed`` is set when a redelivered entry is settled.
    """

    def __init__(
        self,
        in_flight: InFlight,
        report: EntryReports,
        observe: Observer,
        due: DueTimer,
        on_stuck: Callable[[], None],
    ) -> None:
        self.quota_freed = asyncio.Event()
        self._in_flight = in_flight
        self._report = report
        self._observe = observe
        self._due = due
        self._on_stuck = on_stuck

    def open(self) -> None:
        """Use the running event loop."""
        self.quota_freed = asyncio.Event()

    def settled(self, finished: Mapping[str, dict[str, Any]]) -> None:
        """Stop holding settled entries, and expect their retries."""
        self._in_flight.discard(finished.items())
        for payload in finished.values():
            if isinstance(payload, Message):
                delivery = payload.delivery
                if delivery.outcomes:
                    self._expect_retries(delivery.outcomes)
                if delivery.deliveries > 1:
                    self.quota_freed.set()

    def failed(self, entry_id: str, payload: dict[str, Any], error: BaseException) -> None:
        """Leave an entry without an outcome pending: it is claimed after its lease ends."""
        is_lost = issubclass(type(error), LeaseLostError)  # isinstance() would run the exception's code
        if self._in_flight.has(entry_id, payload):
            if is_lost:
                self.lost([entry_id])
            self._in_flight.discard([(entry_id, payload)])
        if not is_lost and not is_own_cancellation(error):
            self._report.failed(entry_id, error)

    def stuck(self, entry_id: str, payload: dict[str, Any], worker: Worker) -> None:
        """Stop holding the entry of a stuck handler; that of a plain function has its outcome."""
        self._report.stuck(entry_id, payload, worker)
        if worker.abandoned is None:
            self._in_flight.discard([(entry_id, payload)])  # its lease will end, and it is delivered again
        self._on_stuck()

    def lost(self, entry_ids: Iterable[str]) -> None:
        """Report entries that another consumer has claimed."""
        for entry_id in entry_ids:
            payload = self._in_flight.get(entry_id)
            self._report.lost(entry_id, payload)
            self._observe(payload, None, Result.LOST)

    def _expect_retries(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, RetryLater) and not outcome.parked_for:
                self._due.expect(outcome.delay)
