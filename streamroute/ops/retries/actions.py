"""Run retries now, or cancel them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from streamroute.adapters.codecs.builtin import CODEC_NAMES, codec_named
from streamroute.adapters.codecs.codec_calls import decoded
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.retry_record import RetryRecord
from streamroute.errors import StreamrouteError
from streamroute.text.limits import NAME, REASON
from streamroute.text.truncation import clip

if TYPE_CHECKING:
    from streamroute.config.document import StreamConfig
    from streamroute.ops.retries.query import StreamRetries

_AT_ONCE: Final = 100  # retries that are cancelled in one round trip
_ENTRY_BYTES: Final = 512 * 1024 * 1024  # the most that a value in Redis may have


async def run_retries(found: StreamRetries) -> int:
    """Make the selected retries of a stream due now; returns how many were not due yet."""
    return await found.retries.run_now(found.selected)


async def cancel_retries(found: StreamRetries, who: str, reason: str) -> tuple[int, int]:
    """Replace the selected retries of a stream by dead letters.

    Returns how many, and how many cannot be cancelled, since their record is damaged; these run when they
    are due, and become dead letters then.
    """
    cancelled = damaged = 0
    for start in range(0, len(found.selected), _AT_ONCE):
        some = found.selected[start : start + _AT_ONCE]
        records = await found.retries.records(some, _ENTRY_BYTES)
        letters = _letters(found.config, records, who, reason)
        damaged += len(records) - len(letters)
        cancelled += await found.retries.cancel(letters)
    return cancelled, damaged


def _letters(
    config: StreamConfig, records: Mapping[bytes, RetryRecord | Exception], who: str, reason: str
) -> dict[bytes, DeadRecord]:
    return {
        key: _letter(config, record, who, reason)
        for key, record in records.items()
        if isinstance(record, RetryRecord)
    }


def _letter(config: StreamConfig, record: RetryRecord, who: str, reason: str) -> DeadRecord:
    """Return the dead letter of a retry that somebody cancelled; its error is that of the last attempt."""
    last = record.history[-1] if record.history else None
    (route,) = record.routes if len(record.routes) == 1 else (None,)
    said = f"cancelled by {who}" + (f": {reason}" if reason else "")
    return DeadRecord(
        id=record.id,
        stream=config.name,
        group=config.group,
        route=route,
        reason=clip(said, REASON),
        error="" if last is None else last.error,
        traceback="",
        attempt=record.attempt if last is None else last.attempt,
        deliveries=0,
        fields=record.fields,
        type=_type(config, record.fields),
        routes=sorted(record.routes),
        time=time.time(),
        generation="" if last is None else last.generation,
        trace={} if record.trace is None else record.trace.as_fields(),
        history=record.history,
        accepted=record.accepted,
        replay=record.replay,
        error_class="" if last is None else last.error_class,
    )


def _type(config: StreamConfig, fields: Mapping[bytes, bytes]) -> str | None:
    """Return the type of a message; None if it cannot be decoded, or only by a codec of the user."""
    if config.codec not in CODEC_NAMES:
        return None
    try:
        message_type = decoded(codec_named(config.codec), dict(fields)).get("type")
    except StreamrouteError:
        return None
    return clip(message_type, NAME) if isinstance(message_type, str) else None
