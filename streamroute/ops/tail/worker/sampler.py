"""Samples the outcomes of messages while somebody watches them: a bounded number, without hidden values."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from streamroute.adapters.live.outcome_batch import OutcomeBatch, OutcomeRecord
from streamroute.core.dispatch.outcomes import attempt_of, type_of
from streamroute.core.observer import ObserverSwitch, Result
from streamroute.keys import GroupKeys
from streamroute.logs.exception_text import error_line
from streamroute.message import Message, entry_size
from streamroute.payload_redaction import PayloadRedactor
from streamroute.text.limits import HISTORY, NAME
from streamroute.text.safe_text import one_line, redacted_str
from streamroute.text.truncation import clip
from streamroute.values import DeadLetter

if TYPE_CHECKING:
    from streamroute.services.service import Service

log = logging.getLogger(__name__)

_FAILURES: Final = frozenset({Result.DEAD, Result.RETRIED, Result.FAILED, Result.LOST})
_SHADOWS: Final = frozenset(result for result in Result if result.startswith("shadow"))
_MAX_FAILURES: Final = 25  # of one stream between two batches
_MAX_OTHERS: Final = 50
_LARGE: Final = 64_000  # bytes of an entry in which no hidden values are looked for
_WITHHELD: Final = "(the text may quote a hidden field)"


@dataclass(slots=True)
class _Ring:
    """The sampled outcomes of one stream. The event loop appends, and the heartbeat thread takes."""

    failures: deque[OutcomeRecord] = field(default_factory=deque)
    others: deque[OutcomeRecord] = field(default_factory=deque)
    dropped: int = 0
    reported: int = 0

    def has_room(self, result: Result) -> bool:
        """Whether one more outcome is sampled; failures have room of their own, as they are what counts."""
        has_room = (
            len(self.failures) < _MAX_FAILURES if result in _FAILURES else len(self.others) < _MAX_OTHERS
        )
        self.dropped += not has_room
        return has_room

    def add(self, record: OutcomeRecord, result: Result) -> None:
        """Add an outcome."""
        (self.failures if result in _FAILURES else self.others).append(record)

    def take(self) -> tuple[Sequence[OutcomeRecord], int]:
        """Return the outcomes in their order, and how many were dropped since the last call."""
        taken = [queue.popleft() for queue in (self.failures, self.others) for _ in range(len(queue))]
        dropped = self.dropped
        since, self.reported = dropped - self.reported, dropped
        return sorted(taken, key=lambda record: record.time), since


class OutcomeSampler:
    """Observes the outcomes of the watched streams of an app; see ``OutcomeSource``.

    While no stream is watched, it does not observe at all: ``switch`` calls what it called before.
    """

    def __init__(self, switch: ObserverSwitch, services: Callable[[], Sequence[Service]]) -> None:
        self._switch = switch
        self._observe = switch.target
        self._services = services
        self._rings: dict[str, _Ring] = {}

    def observe(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        """See ``Observer``."""
        self._observe(payload, route, result)
        if isinstance(payload, Message) and result not in _SHADOWS:
            ring = self._rings.get(payload.stream)
            if ring is not None and ring.has_room(result):
                self._sample(ring, payload, route, result)

    def _sample(self, ring: _Ring, message: Message, route: str | None, result: Result) -> None:
        try:
            ring.add(_record(message, route, result), result)
        except Exception as error:  # noqa: BLE001 - a sample is not worth the outcome of a message
            log.debug("could not sample an outcome: %s", error_line(error))

    # Called in the heartbeat thread.

    def groups(self) -> Mapping[GroupKeys, str]:
        """See ``OutcomeSource``."""
        return {
            GroupKeys.of(service.config.name, service.config.group): service.processor.consumer_name
            for service in reversed(self._services())
        }

    def watch(self, streams: Collection[str]) -> None:
        """See ``OutcomeSource``."""
        self._rings = {stream: self._rings.get(stream) or _Ring() for stream in streams}
        self._switch.target = self.observe if self._rings else self._observe

    def take(self, stream: str) -> OutcomeBatch:
        """See ``OutcomeSource``."""
        ring = self._rings.get(stream) or _Ring()
        outcomes, dropped = ring.take()
        return OutcomeBatch(self._consumer(stream), outcomes, dropped)

    def _consumer(self, stream: str) -> str:
        names = (each.processor.consumer_name for each in self._services() if each.config.name == stream)
        return next(names, "")


def _record(message: Message, route: str | None, result: Result) -> OutcomeRecord:
    error_class, error = _failure(message, route) if result in _FAILURES else ("", "")
    return OutcomeRecord(
        id=clip(message.id, NAME),
        kind=clip(type_of(message), NAME),
        route=None if route is None else clip(route, NAME),
        result=str(result),
        time=round(time.time(), 3),
        attempt=attempt_of(message),
        error_class=error_class,
        error=error,
        generation=message.delivery.generation,
    )


def _failure(message: Message, route: str | None) -> tuple[str, str]:
    """Return the error class and the error of the failure that was recorded last for a route."""
    for outcome in reversed(message.delivery.outcomes or ()):
        if (outcome.route or None) == route:
            text = outcome.error
            if isinstance(outcome, DeadLetter) and outcome.reason:
                text = outcome.reason if text in outcome.reason else f"{outcome.reason}: {text}"
            return clip(outcome.error_class, NAME), _without_hidden(text, message)
    return "", ""


def _without_hidden(text: str, message: Message) -> str:
    """Return a text as one line without values that the configuration hides."""
    redactor = getattr(message.delivery.pipeline, "redactor", None)
    if isinstance(redactor, PayloadRedactor) and redactor.is_active and text:
        if message.decode_error is not None or entry_size(message) > _LARGE:
            return _WITHHELD
        text = redactor.hidden_in(message, message.fields).redact(text)
    return clip(one_line(redacted_str(text, HISTORY)), HISTORY)
