"""Slots: worker coroutines that take entries from one bounded queue.

A fixed set of coroutines instead of a task for each entry: starting a task costs more than most
handlers. A worker that takes an entry wakes two idle ones if more is queued, so that handlers which
wait run side by side at once, and handlers which do not cost no wake-ups.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

Entry = tuple[str, dict[str, Any]]


class Slots:
    """``concurrency`` workers, and the queue of what they will handle next.

    ``handle`` must not raise. ``queue`` holds what was read and has not started.
    """

    def __init__(self, concurrency: int, handle: Callable[[str, dict[str, Any]], Awaitable[None]]) -> None:
        self.concurrency = concurrency
        self.queue: deque[Entry] = deque()
        self.running: dict[str, asyncio.Task[None]] = {}
        self._handle = handle
        self._idle: list[asyncio.Future[None]] = []
        self._room: asyncio.Future[None] | None = None
        self._wanted = 0
        self._workers: list[asyncio.Task[None]] = []
        self._closing = False

    def open(self) -> None:
        """Start the workers."""
        self._closing = False
        self._workers = [asyncio.create_task(self._work()) for _ in range(self.concurrency)]

    def put(self, entries: list[Entry], *, first: bool = False) -> None:
        """Queue entries in order; ``first`` puts them before what is queued."""
        if first:
            self.queue.extendleft(reversed(entries))
        else:
            self.queue.extend(entries)
        self._wake()

    async def room(self, below: int) -> None:
        """Wait until fewer than ``below`` entries are queued."""
        while len(self.queue) >= below and not self._closing:
            self._wanted = below
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def clear(self) -> dict[str, dict[str, Any]]:
        """Empty the queue; returns what will not be started."""
        unstarted = dict(self.queue)
        self.queue.clear()
        return unstarted

    async def close(self, grace: float) -> list[str]:
        """Let what runs finish within ``grace`` seconds, then cancel it; returns the ids of what was cut."""
        self._closing = True
        self._release_reader()
        for idle in self._idle:
            _resolve(idle)
        if self._workers:
            await asyncio.wait(self._workers, timeout=grace)
        cut = list(self.running)
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._workers = []
        self._idle.clear()
        return cut

    async def _work(self) -> None:
        worker = asyncio.current_task()
        assert worker is not None  # noqa: S101 - a worker is a task
        queue, running = self.queue, self.running
        while True:
            if not queue:
                if self._closing:
                    return
                await self._rest()
                continue
            entry_id, payload = queue.popleft()
            if queue and self._idle:
                self._wake()
            if self._room is not None and len(queue) < self._wanted:
                self._release_reader()
            running[entry_id] = worker
            try:
                await self._handle(entry_id, payload)
            finally:
                del running[entry_id]

    async def _rest(self) -> None:
        idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(idle)
        await idle

    def _wake(self) -> None:
        for _ in range(min(2, len(self._idle), len(self.queue))):
            _resolve(self._idle.pop())

    def _release_reader(self) -> None:
        if self._room is not None:
            _resolve(self._room)
            self._room = None


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
