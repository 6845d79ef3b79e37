"""Retry actions until Redis is available."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from streamroute.errors import RedisUnavailableError
from streamroute.ops.publish.feed import SupportsPublish
from streamroute.outages import OutageTracker

T = TypeVar("T")


async def retry_until_available(action: Callable[[], Awaitable[T]], doing: str) -> T:
    """Return the result of ``action``, retried while it raises RedisUnavailableError; log the outage once."""
    outage = OutageTracker(doing)
    while True:
        try:
            result = await action()
        except RedisUnavailableError as error:
            await asyncio.sleep(outage.record_failure(error))
        else:
            outage.record_success()
            return result


class RetryingPublisher:
    """A publisher that waits until Redis is available.

    A batch whose reply is lost is sent again: its events may be in the stream twice, but are never lost.
    """

    def __init__(self, target: SupportsPublish, stream: str) -> None:
        self._target = target
        self._doing = f"publishing to {stream}"

    def encode(self, payload: Mapping[str, Any]) -> list[bytes]:
        """See ``SupportsPublish``."""
        return self._target.encode(payload)

    async def publish(self, entries: Sequence[list[bytes]]) -> list[str]:
        """See ``SupportsPublish``."""
        return await retry_until_available(lambda: self._target.publish(entries), self._doing)
