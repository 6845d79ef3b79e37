"""The entry that a log record is about, as fields: whatever a handler logs while it runs is found by them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from streamroute.core.consume.pool.current_entry import current_worker
from streamroute.core.consume.pool.worker import Worker
from streamroute.core.dispatch.outcomes import attempt_of, type_of
from streamroute.logs.record_facts import ABOUT, ERROR_CLASS, ROUTE, set_fields
from streamroute.message import Message
from streamroute.message_trace import trace_id_of
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip


class EntryFields:
    """The fields of a record about an entry (see ``RecordFields``)."""

    __slots__ = ("_error_class", "_payload", "_route", "_worker")

    def __init__(
        self, payload: Mapping[str, Any], route: str | None, error_class: str, worker: str = ""
    ) -> None:
        self._payload = payload
        self._route = route
        self._error_class = error_class
        self._worker = worker

    def as_dict(self) -> dict[str, str | int]:
        """Return the fields that are known: all but ``attempt`` are strings of at most 200 characters."""
        payload = self._payload
        fields: dict[str, str | int | None] = _entry(payload) | {
            "type": type_of(payload),
            "route": self._route,
            "attempt": attempt_of(payload),
            "error_class": self._error_class,
            "worker": self._worker,
            "trace_id": trace_id_of(payload),
        }
        return {name: _bounded(value) for name, value in fields.items() if value}

    def where(self, text: str) -> str:
        """Return what a line with this text lacks: the entry and its stream; empty if it names the entry."""
        message = self._payload
        if not isinstance(message, Message) or not message.id or message.id in text:
            return ""
        route = f"route {self._route}" if self._route else ""
        entry = f"entry {clip(message.id, NAME)} of {clip(message.stream, NAME)}"
        return f"{route}, {entry}" if route and route not in text else entry

    def redact(self, text: str) -> str:
        """Return a text without the values that the entry's configuration hides."""
        message = self._payload
        pipeline = message.delivery.pipeline if isinstance(message, Message) else None
        if pipeline is None or not pipeline.redactor.is_active or not isinstance(message, Message):
            return text
        return pipeline.redactor.hidden_in(message, message.fields).redact(text)


class EntryFieldsFilter(logging.Filter):
    """Adds ``EntryFields`` to each record that is logged while a handler runs, or that names its entry.

    For a handler of the root logger; it drops no record.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """See ``logging.Filter``."""
        facts, worker = vars(record), current_worker()
        payload = facts.get(ABOUT)
        if payload is None and worker is not None:
            payload = _payload_of(worker)
        if payload is not None:
            route = facts.get(ROUTE) or _running_route(payload)
            name = "" if worker is None else worker.consumer
            set_fields(record, EntryFields(payload, route, facts.get(ERROR_CLASS) or "", name))
        return True


def _entry(payload: Mapping[str, Any]) -> dict[str, str | int | None]:
    if not isinstance(payload, Message):
        return {}
    return {"stream": payload.stream, "id": payload.id, "generation": payload.delivery.generation}


def _payload_of(worker: Worker) -> dict[str, Any] | None:
    entry = worker.entry or (worker.abandoned and worker.abandoned.entry)
    return entry[1] if entry else None


def _running_route(payload: Mapping[str, Any]) -> str | None:
    return payload.delivery.running_route if isinstance(payload, Message) else None


def _bounded(value: object) -> str | int:
    return value if type(value) is int else clip(str(value), NAME)
