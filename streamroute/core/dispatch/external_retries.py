"""Retries through an external scheduler (ARQ, a cron table): what it receives, and what it brings back."""

from __future__ import annotations

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
_SHORTEST: Final = 16  # bytes of a secret
_known: Final[dict[str, bytes]] = {}
"""Secrets by stream, for dispatchers of this process without a storage or scheduler that keeps one."""


SecretOf = Callable[..., Awaitable[bytes | None]]


@runtime_checkable
class RetrySchedulerProtocol(Protocol):
    """Brings a failed message back later (ARQ, a cron table ...).

    The promise: once ``schedule_retry`` has returned, the payload will appear in the stream again,
    whole, unchanged and at least once. The dispatcher lets the entry be acknowledged on that word alone.
    """

    async def schedule_retry(self, stream_name: str, payload: dict[str, Any], delay: int = 60) -> None:
        """Put ``payload`` back into ``stream_name`` after ``delay`` seconds; raise if that is not certain."""
        ...


class SupportsRetrySecret(Protocol):
    """Capability ``retry_secret`` of a message's coordinator, or of a scheduler: the secret of a stream.

    It proves that a marker was written by a worker of that stream, whose workers share it.
    """

    async def retry_secret(self, stream: str, *, make: bool) -> bytes | None:
        """Return the secret. Without one, create it or (not ``make``) return None."""
        ...


class ExternalRetries:
    """Hands failed routes to ``scheduler``, and knows its retries when they come back.

    ``secret`` is the one that all workers of the stream share. Without it they share the one that the
    storage, or the scheduler, keeps for them; where neither can, each process knows its own retries alone.
    """

    def __init__(
        self, scheduler: RetrySchedulerProtocol | None, group_name: str | None, secret: str | bytes | None
    ) -> None:
        self._scheduler = scheduler
        self._group_name = group_name or ""
        self._secret = _checked(secret)

    def scheduler_for(self, payload: dict[str, Any]) -> RetrySchedulerProtocol | None:
        """The scheduler that brings this payload back; None where its settlement does, or nothing."""
        scheduler = self._scheduler
        if scheduler is None or not _is_collected(payload):
            return scheduler
        # One step with the ack is better than two.
        return None if getattr(type(scheduler), "settles", False) is True else scheduler

    async def schedule(
        self,
        scheduler: RetrySchedulerProtocol,
        payload: dict[str, Any],
        retries: Sequence[RetryLater],
        stream_name: str,
    ) -> None:
        """Hand all failed routes over at once; if it raises, the entry must not be acknowledged."""
        stream = _stream_of(payload, stream_name)
        secret = await self._secret_of(payload, stream, make=True)
        assert secret is not None  # noqa: S101 - it is made where there is none
        routes = frozenset(retry.route for retry in retries)
        envelope = RetryEnvelope(
            getattr(payload, "id", ""), self._group_of(payload), routes, retries[0].attempt
        )
        again = {**payload, KEY: envelope.signed(payload, stream, secret)}
        await scheduler.schedule_retry(stream, again, delay=math.ceil(max(retry.delay for retry in retries)))

    async def resume(self, payload: dict[str, Any], stream_name: str) -> dict[str, Any] | None:
        """A payload with the reserved key: as the message that it continues, where that is proven.

        None for a retry of another group. Whatever is not proven is a field like any other.
        """
        envelope = parse_envelope(payload[KEY])
        if envelope is None:
            return payload
        stream = _stream_of(payload, stream_name)
        is_ours, scheduler = envelope.group == self._group_of(payload), self.scheduler_for(payload)
        if is_ours and scheduler is None:
            return payload
        secret = await self._secret_of(payload, stream, make=scheduler is not None)
        if secret is None or not envelope.is_proven(payload, stream, secret):
            if scheduler is not None:
                log.warning(_UNPROVEN, stream)
            return payload
        return _resumed(payload, envelope) if is_ours else None

    def _group_of(self, payload: dict[str, Any]) -> str:
        return getattr(payload, "group", "") or self._group_name

    async def _secret_of(self, payload: dict[str, Any], stream: str, *, make: bool) -> bytes | None:
        secret, ask = self._secret, self._asks(payload)
        if secret is None and ask is not None:
            secret = await ask(stream, make=make)
        elif secret is None:
            return _known.setdefault(stream, secrets.token_bytes(32)) if make else _known.get(stream)
        if secret is not None:
            _known[stream] = secret
        return secret

    def _asks(self, payload: dict[str, Any]) -> SecretOf | None:
        for keeper in (getattr(payload, "coordinator", None), self._scheduler):
            if callable(getattr(type(keeper), "retry_secret", None)):
                ask: SecretOf = cast("SupportsRetrySecret", keeper).retry_secret
                return ask
        return None


def is_scheduler_retry(payload: dict[str, Any], read: dict[str, Any]) -> bool:
    """Whether a message, ``read`` as it came, is a scheduler's retry and has not become our own since."""
    return payload is not read and isinstance(payload, Message) and payload.pending_key == payload.stream


def _checked(secret: str | bytes | None) -> bytes | None:
    if secret is None:
        return None
    made = secret.encode() if isinstance(secret, str) else bytes(secret)
    if len(made) < _SHORTEST:
        raise ValueError(f"retry_secret must have {_SHORTEST} bytes or more, and has {len(made)}")
    return made


def _is_collected(payload: dict[str, Any]) -> bool:
    return isinstance(payload, Message) and payload.outcomes is not None


def _stream_of(payload: dict[str, Any], stream_name: str) -> str:
    """Where a retry goes: a ``Message`` knows its stream, unless another one is given."""
    if stream_name != DEFAULT_STREAM:
        return stream_name
    return getattr(payload, "stream", "") or stream_name


def _resumed(payload: dict[str, Any], envelope: RetryEnvelope) -> Message:
    """The message that was retried; its outcomes are still collected where they were."""
    known = payload if isinstance(payload, Message) else Message({})
    # Once it is a retry of our own, what that says counts.
    is_newer = known.pending_key != known.stream
    message = Message(
        {key: value for key, value in payload.items() if key != KEY},
        id=known.id if is_newer else envelope.id,
        stream=known.stream,
        group=known.group,
        deliveries=known.deliveries,
        attempt=known.attempt if is_newer else envelope.attempt,
        routes=known.routes if is_newer else envelope.routes,
        fields=known.fields,
        history=known.history,
        pending_key=known.pending_key,
        entry_id=known.entry_id,
        accepted=known.accepted if is_newer else True,
        unknown_since=known.unknown_since,
    )
    message.outcomes = known.outcomes
    message.coordinator = known.coordinator
    if known.dedupe_locks is None:
        known.dedupe_locks = {}
    message.dedupe_locks = known.dedupe_locks
    return message
