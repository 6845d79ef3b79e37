"""The in-memory lease keeper: a task on the event loop, without a heartbeat thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from streamroute.delivery import Delivery
from streamroute.values import Lease

HeldDeliveries = Callable[[], Mapping[str, Delivery]]
OnLost = Callable[[Sequence[tuple[str, int]]], None]
Keep = Callable[[Mapping[str, Delivery]], Sequence[tuple[str, int]]]
"""Renews leases; returns the entries that another consumer holds, with their delivery counts here."""


class MemoryLeaseKeeper:
    """Calls ``keep`` with the held entries every third of a lease (real time), and ``leave`` at the end."""

    def __init__(
        self, keep: Keep, leave: Callable[[], None], *, lease: Lease, held: HeldDeliveries, lost: OnLost
    ) -> None:
        self._keep = keep
        self._leave = leave
        self._lease = lease
        self._held = held
        self._lost = lost
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start renewing leases."""
        self._task = asyncio.create_task(self._beat())

    async def close(self) -> None:
        """Stop renewing leases."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._leave()

    async def _beat(self) -> None:
        while True:
            self._lost(self._keep(self._held()))
            await asyncio.sleep(self._lease.renewal)
