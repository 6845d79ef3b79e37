"""Releaser: hand unfinished entries to other workers at once, if the storage supports it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from streamroute.core.consume.consumer import ConsumerId
from streamroute.core.consume.in_flight import InFlight
from streamroute.core.storage import StreamStorageProtocol, releases
from streamroute.message import Message
from streamroute.outages import one_line

log = logging.getLogger(__name__)


class Releaser:
    """Takes entries out of ``in_flight`` and ends their lease; otherwise they wait for the lease to end."""

    def __init__(self, storage: StreamStorageProtocol, consumer: ConsumerId, in_flight: InFlight) -> None:
        self._storage = releases(storage)
        self._consumer = consumer
        self._in_flight = in_flight
        self._running: set[asyncio.Future[None]] = set()

    async def release(self, entries: Mapping[str, dict[str, Any]], *, started: bool) -> None:
        """Release entries; if not ``started``, restore their delivery count. Never raises."""
        messages = {key: value for key, value in entries.items() if isinstance(value, Message)}
        self._in_flight.discard(entries.items())
        if self._storage is None or not messages:
            return
        try:
            await self._storage.release(*self._consumer, messages, started=started)
        except Exception as error:  # noqa: BLE001 - they stay pending, and are claimed when the lease ends
            log.warning(
                "could not release %d entries; they wait for their lease to end: %s",
                len(messages),
                one_line(error),
            )

    def release_soon(self, entries: Mapping[str, dict[str, Any]]) -> None:
        """Release entries that have not started, in the background."""
        if entries:
            task = asyncio.ensure_future(self.release(entries, started=False))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    @property
    def is_releasing(self) -> bool:
        """Whether a release runs in the background."""
        return bool(self._running)

    async def wait(self) -> None:
        """Wait until everything is released."""
        await asyncio.gather(*self._running)
