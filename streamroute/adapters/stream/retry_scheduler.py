"""RedisRetryScheduler: delays retries in Redis, for any storage."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

from redis.asyncio import Redis

from streamroute.adapters.codecs.builtin import Codec, FieldsCodec, JsonCodec, codec_named
from streamroute.adapters.codecs.entry_fields import MARKER
from streamroute.adapters.entries.field_packing import pack_fields
from streamroute.adapters.entries.settlement import delay_ms
from streamroute.adapters.redis.raw_client import raw_clients
from streamroute.adapters.redis.scripts import script
from streamroute.adapters.stream.reinjector import Reinjector
from streamroute.adapters.stream.retry_secret import RetrySecrets
from streamroute.errors import EncodeError
from streamroute.keys import ReinjectKeys
from streamroute.message import Message
from streamroute.outages import OutageTracker
from streamroute.system.waiting import wait_for_event

log = logging.getLogger(__name__)

_LOOK_EVERY: Final = 1.0  # seconds between checks: another process may have scheduled an earlier retry
_MAX_FIELDS: Final = 3500  # a Lua script can pass some 8,000 arguments on


class RedisRetryScheduler:
    """A ``RetrySchedulerProtocol`` that keeps retries in Redis until they are due, by Redis time.

    A storage that settles outcomes (``RedisStreamStorage``) does not use it: there, the settlement writes a
    message's retries in the same script as the acknowledgement. For any other storage, a due payload is added
    to its stream again, where every group reads it; the reserved key ``_streamroute`` tells the dispatchers
    its group and routes. Delivery is at least once.

    ``codec`` must match the storage's. Without one, a payload of strings is written as flat fields, and any
    other as by the codec ``json``.

    A task of this process reinjects due retries, from ``start()`` or the first retry until ``stop()``. Pass
    ``streams``, so that retries from before a restart are reinjected after it.

    >>> async with RedisRetryScheduler(client, streams=["bot_events"]) as scheduler:  # doctest: +SKIP
    ...     dispatcher = BotRedisDispatcher(scheduler)
    """

    settles = True

    def __init__(
        self, client: Redis, *, streams: Iterable[str] = (), codec: Codec | str | None = None
    ) -> None:
        self._client_of = raw_clients(client)
        self._streams = dict.fromkeys(streams)
        self._codec = codec_named(codec) if isinstance(codec, str) else codec
        self._reinjector = Reinjector()
        self._secrets = RetrySecrets(self._client_of)
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    async def schedule_retry(self, stream_name: str, payload: dict[str, Any], delay: int = 60) -> None:
        """Add the payload to the stream again after ``delay`` seconds, at most a year.

        Scheduling the same retry twice has no effect. Two retries are the same if the entry's id, the group,
        the routes and the attempt are equal; a payload without an id is always a new retry. Returns when
        Redis has stored it. Raises EncodeError for a payload that the codec cannot encode, and what redis-py
        raises.
        """
        keys = ReinjectKeys.of(stream_name)
        packed = pack_fields(self._fields(payload))
        arguments: list[str | bytes | int] = [_identity(payload, packed), delay_ms(delay), packed]
        await script("retries/schedule").run(
            self._client_of(keys.stream), [keys.due, keys.delayed], arguments
        )
        self._streams.setdefault(stream_name)
        await self.start()
        if delay < _LOOK_EVERY:
            self._wake.set()

    async def retry_secret(self, stream: str, *, make: bool) -> bytes | None:
        """See ``SupportsRetrySecret``; raises what redis-py raises."""
        return await self._secrets.get(stream, make=make)

    async def reinject_due(self, stream_name: str) -> float | None:
        """Reinject due retries, at most a hundred; returns the seconds until the next is due, or None."""
        return (await self._reinjector.step(self._client_of(stream_name), stream_name)).wait

    async def start(self) -> None:
        """Start the task that reinjects due retries; does nothing if it is running."""
        if self._task is None or self._task.done():
            self._wake, self._closing = asyncio.Event(), False
            self._task = asyncio.create_task(self._reinject_forever())

    async def stop(self) -> None:
        """Stop the task; delayed retries stay in Redis. Does nothing if it is not running."""
        task, self._task = self._task, None
        if task is not None:
            # Before Python 3.12 a cancellation that comes with a reply can be swallowed.
            self._closing = True
            self._wake.set()
            task.cancel()
            await asyncio.wait([task])

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.stop()

    async def _reinject_forever(self) -> None:
        outage = OutageTracker("bringing retries back")
        while not self._closing:
            self._wake.clear()
            wait = _LOOK_EVERY
            try:
                for stream in tuple(self._streams):
                    remaining = await self.reinject_due(stream)
                    wait = wait if remaining is None else min(wait, remaining)
                outage.record_success()
            except Exception as error:  # noqa: BLE001 - whatever fails, what waits is still in Redis
                outage.record_failure(error)
            if not self._closing:
                await wait_for_event(self._wake, wait)

    def _fields(self, payload: Mapping[str, Any]) -> dict[bytes, bytes]:
        if isinstance(payload, Message) and payload.fields and MARKER not in payload:
            fields = dict(payload.fields)
        elif self._codec is None:
            fields = _as_flat_fields(payload) or JsonCodec().encode(payload)
        elif isinstance(self._codec, FieldsCodec):
            fields = self._codec.encode(_with_text_marker(payload))
        else:
            fields = self._codec.encode(payload)
        if len(fields) > _MAX_FIELDS:
            raise EncodeError(f"the payload has {len(fields)} fields; {_MAX_FIELDS} can be brought back")
        return fields


def _identity(payload: Mapping[str, Any], packed: bytes) -> str:
    """Return the identity of a retry: retries with the same identity are one; random without an id.

    It includes the written fields: a producer may forge the reserved key to match another retry.
    """
    mark = payload.get(MARKER)
    if isinstance(mark, Mapping) and mark.get("id"):
        parts = [mark.get(name) for name in ("id", "group", "routes", "attempt")]
    elif isinstance(payload, Message) and payload.id:
        parts = [payload.id, payload.group, sorted(payload.routes or ()), payload.attempt + 1]
    else:
        parts = [secrets.token_hex(16)]
    return hashlib.sha256(json.dumps(parts).encode() + packed).hexdigest()


def _as_flat_fields(payload: Mapping[str, Any]) -> dict[bytes, bytes] | None:
    """Encode as flat strings, which a storage without a codec reads; None if a value is not a string."""
    try:
        return FieldsCodec().encode(_with_text_marker(payload))
    except EncodeError:
        return None


def _with_text_marker(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    mark = payload.get(MARKER)
    return payload if mark is None or isinstance(mark, str) else {**payload, MARKER: json.dumps(mark)}
