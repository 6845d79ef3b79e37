"""Messages of a test app that did not succeed: those that wait for a retry, and dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamroute.adapters.codecs.codec_calls import decoded
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.errors import DecodeError

if TYPE_CHECKING:
    from streamroute.adapters.codecs.builtin import Codec
    from streamroute.services.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadMessage:
    """A dead letter.

    ``payload`` is None if the entry cannot be decoded. ``route`` is None if the whole message failed. The
    other attributes are those of the stored letter: see ``streamroute dead show``.

    >>> (letter,) = t.dead_letters  # doctest: +SKIP
    >>> assert letter.route == "charge"  # doctest: +SKIP
    """

    stream: str
    id: str
    route: str | None
    type: str | None
    payload: Mapping[str, Any] | None
    reason: str
    error: str
    traceback: str
    attempt: int
    deliveries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryMessage:
    """A message that waits to run again.

    ``routes`` are the routes that will run, ``attempt`` is the number of that run, and ``due_in`` are the
    seconds until then, by the clock of the test. ``error`` is that of the last failure, empty if none failed.

    >>> assert [(retry.routes, retry.due_in) for retry in t.retries] == [(("charge",), 60)]  # doctest: +SKIP
    """

    stream: str
    id: str
    routes: tuple[str, ...]
    attempt: int
    due_in: float
    error: str


def dead_messages(service: Service) -> list[DeadMessage]:
    """Return the dead letters of a stream's group, oldest first."""
    config, codec = service.config, service.pipelines.current.codec
    return [
        DeadMessage(
            stream=record.stream,
            id=record.id,
            route=record.route,
            type=record.type,
            payload=_payload(codec, record.fields),
            reason=record.reason,
            error=record.error,
            traceback=record.traceback,
            attempt=record.attempt,
            deliveries=record.deliveries,
        )
        for record in memory_storage(service).dead_letters(config.name, config.group)
    ]


def scheduled_retries(service: Service, now: float) -> list[RetryMessage]:
    """Return the retries of a stream's group, in the order in which they were scheduled."""
    config = service.config
    return [
        RetryMessage(
            stream=config.name,
            id=record.id,
            routes=tuple(sorted(record.routes)),
            attempt=record.attempt,
            due_in=round(due - now, 6),
            error=record.history[-1].error if record.history else "",
        )
        for due, record in memory_storage(service).retries(config.name, config.group)
    ]


def memory_storage(service: Service) -> MemoryStreamStorage:
    """Return the storage of a service in memory."""
    storage = service.storage
    assert isinstance(storage, MemoryStreamStorage)  # noqa: S101 - a test app has no other
    return storage


def _payload(codec: Codec, fields: Mapping[bytes, bytes]) -> Mapping[str, Any] | None:
    try:
        return decoded(codec, dict(fields))
    except DecodeError:
        return None
