"""A retry scheduler for tests that use the in-memory storage."""

from __future__ import annotations

from typing import Any

from streamroute.adapters.memory.storage import MemoryStreamStorage


class MemoryRetryScheduler:
    """A ``RetrySchedulerProtocol`` that publishes payloads to a ``MemoryStreamStorage`` again.

    ``scheduled`` holds every call: ``(stream, payload, delay)``.
    """

    def __init__(self, storage: MemoryStreamStorage) -> None:
        self.scheduled: list[tuple[str, dict[str, Any], int]] = []
        self._storage = storage

    async def schedule_retry(self, stream_name: str, payload: dict[str, Any], delay: int = 60) -> None:
        """Publish the payload after ``delay`` seconds of the storage's clock."""
        self.scheduled.append((stream_name, payload, delay))
        self._storage.publish(stream_name, payload, delay=delay)
