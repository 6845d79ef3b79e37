"""Retries through an external scheduler (ARQ, a cron table): send payloads, and recognize them on return."""

from __future__ import annotations

import json
import logging
import math
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, cast, runtime_checkable

from streamroute.core.dispatch.retry_envelope import KEY, RetryEnvelope, parse_envelope
from streamroute.message import Message
from streamroute.values import RetryLater

DEFAULT_STREAM: Final = "bot_events"
"""Default of ``stream_name``."""

log = logging.getLogger(__name__)

_UNPROVEN: Final = (
    "a message of %s says that it is a retry and does not prove it: it is handled as a new one "
    "(its key is forged, of an earlier release, or of a worker with another secret; or its payload changed)"
)
_MIN_SECRET_BYTES: Final = 16  # bytes of a secret
_known: Final[dict[str, bytes]] = {}
"""Secrets by stream, for dispatchers without a storage or scheduler that keeps one."""


SecretOf = Callable[..., Awaitable[bytes | None]]


@runtime_checkable
class RetrySchedulerProtocol(Protocol):
    """Schedules the retry of a failed message (ARQ, a cron table ...).

    The promise: once ``schedule_retry`` has returned, the payload will appear in the stream again,
    complete, unchanged and at least once. The dispatcher relies on it and has the entry acknowledged.

    >>> class ArqRetries:  # doctest: +SKIP
    ...     async def schedule_retry(self, stream_name, payload, delay=60):
    ...         await self.arq.enqueue_job("publish_again", stream_name, payload, _defer_by=delay)
    """

    async def schedule_retry(self, stream_name: str, payload: dict[str, Any], delay: int = 60) -> None:
        """Put ``payload`` back into ``stream_name`` after ``delay`` seconds; raise if that may fail."""
        ...


class SupportsRetrySecret(Protocol):
    """Capability ``retry_secret`` of a message's coordinator, or of a scheduler: the secret of a stream.

    The workers of a stream share the secret, which proves that one of them wrote a retry envelope.
    """

    async def retry_secret(self, stream: str, *, make: bool) -> bytes | None:
        """Return the secret; if there is none, create it, or return None without ``make``."""
        ...


class ExternalRetries:
    """Passes failed routes to ``scheduler``, and recognizes its retries when they return.

    ``secret`` is shared by all workers of the stream. Without it, they share the secret that the storage or
    the scheduler keeps; if neither keeps one, each process recognizes only its own retries.
    """

    def __init__(
        self, scheduler: RetrySchedulerProtocol | None, group_name: str | None, secret: str | bytes | None
    ) -> None:
        self._scheduler = scheduler
        self._group_name = group_name or ""
        self._secret = _checked(secret)

    def scheduler_for(self, payload: dict[str, Any]) -> RetrySchedulerProtocol | None:
        """Return the scheduler of the payload's retries; None if there is none or settlement writes them."""
        scheduler = self._scheduler
        if scheduler is None or not _is_collected(payload):
            return scheduler
        # Scheduling and acknowledging in one step is safer than in two.
        return None if getattr(type(scheduler), "settles", False) is True else scheduler

    async def schedule(
        self,
        scheduler: RetrySchedulerProtocol,
        payload: dict[str, Any],
        retries: Sequence[RetryLater],
        stream_name: str,
    ) -> None:
        """Pass all failed routes to the scheduler; if this raises, the entry must not be acknowledged."""
        stream = _stream_of(payload, stream_name)
        secret = await self._secret_of(payload, stream, make=True)
        assert secret is not None  # noqa: S101 - it is made where there is none
        routes = frozenset(retry.route for retry in retries)
        envelope = RetryEnvelope(
            getattr(payload, "id", ""), self._group_of(payload), routes, retries[0].attempt
        )
        # As text: a payload of strings can be written with XADD as it is.
        retried = {**payload, KEY: json.dumps(envelope.signed(payload, stream, secret))}
        await scheduler.schedule_retry(
            stream, retried, delay=math.ceil(max(retry.delay for retry in retries))
        )

    async def resume(self, payload: dict[str, Any], stream_name: str) -> dict[str, Any] | None:
        """Return the retried message of a payload with the reserved key, if its proof is valid.

        Return None for a retry of another group, and the payload itself if there is no valid proof: the key
        is then an ordinary field.
        """
        envelope = parse_envelope(payload[KEY])
        if envelope is None:
            return payload
        stream = _stream_of(payload, stream_name)
        is_own_group, scheduler = envelope.group == self._group_of(payload), self.scheduler_for(payload)
        if is_own_group and scheduler is None:
            return payload
        secret = await self._secret_of(payload, stream, make=scheduler is not None)
        if secret is None or not envelope.is_proven(payload, stream, secret):
            if scheduler is not None:
                log.warning(_UNPROVEN, stream)
            return payload
        return _resumed(payload, envelope) if is_own_group else None

    def _group_of(self, payload: dict[str, Any]) -> str:
        return getattr(payload, "group", "") or self._group_name

    async def _secret_of(self, payload: dict[str, Any], stream: str, *, make: bool) -> bytes | None:
        secret, ask = self._secret, self._secret_source(payload)
        if secret is None and ask is not None:
            secret = await ask(stream, make=make)
        elif secret is None:
            return _known.setdefault(stream, secrets.token_bytes(32)) if make else _known.get(stream)
        if secret is not None:
            _known[stream] = secret
        return secret

    def _secret_source(self, payload: dict[str, Any]) -> SecretOf | None:
        coordinator = payload.delivery.coordinator if isinstance(payload, Message) else None
        for keeper in (coordinator, self._scheduler):
            if callable(getattr(type(keeper), "retry_secret", None)):
                ask: SecretOf = cast("SupportsRetrySecret", keeper).retry_secret
                return ask
        return None


def is_scheduler_retry(payload: dict[str, Any], read: dict[str, Any]) -> bool:
    """Whether a message, read as ``read``, is a scheduler's retry that is not stored as our own retry yet."""
    return payload is not read and isinstance(payload, Message) and not payload.is_stored_retry


def _checked(secret: str | bytes | None) -> bytes | None:
    if secret is None:
        return None
    encoded = secret.encode() if isinstance(secret, str) else bytes(secret)
    if len(encoded) < _MIN_SECRET_BYTES:
        raise ValueError(f"retry_secret must have {_MIN_SECRET_BYTES} bytes or more, and has {len(encoded)}")
    return encoded


def _is_collected(payload: dict[str, Any]) -> bool:
    return isinstance(payload, Message) and payload.delivery.outcomes is not None


def _stream_of(payload: dict[str, Any], stream_name: str) -> str:
    """Return the stream of a retry: an explicit ``stream_name``, or the stream of the ``Message``."""
    if stream_name != DEFAULT_STREAM:
        return stream_name
    return getattr(payload, "stream", "") or stream_name


def _resumed(payload: dict[str, Any], envelope: RetryEnvelope) -> Message:
    """Return the retried message, of the same delivery as the payload."""
    message = payload if isinstance(payload, Message) else Message({})
    # Our own retry of this message is newer than the envelope and takes precedence.
    is_newer = message.is_stored_retry
    return Message(
        {key: value for key, value in payload.items() if key != KEY},
        id=message.id if is_newer else envelope.id,
        stream=message.stream,
        group=message.group,
        attempt=message.attempt if is_newer else envelope.attempt,
        routes=message.routes if is_newer else envelope.routes,
        fields=message.fields,
        history=message.history,
        accepted=message.accepted if is_newer else True,
        delivery=message.delivery,
    )
