"""Slots: worker coroutines that take entries from one bounded queue.

A fixed set of coroutines instead of a task for each entry: starting a task costs more than most
handlers. A worker that takes an entry wakes two idle ones if more is queued, so that handlers which
wait run side by side at once, and handlers which do not cost few wake-ups.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from time import monotonic
from typing import Any, Final

from streamroute.core.ordering import Entry, KeyOrder

__all__ = ["Entry", "Slots"]

_BREATH: Final = 0.001  # seconds that handlers which never wait may run on
_MOST_WAITING: Final = 5_000  # entries that wait for another with the same key
_LAST_PATIENCE: Final = 5.0  # seconds that a handler which was cancelled has to end


class Slots:
    """``concurrency`` workers, and the queue of what they will handle next.

    ``handle`` must not raise, but for the cancellation of its task. ``order`` keeps entries with equal
    keys from running at once. ``deaf`` is how many handlers had not ended when the slots were closed,
    although they were cancelled.
    """

    def __init__(
        self,
        concurrency: int,
        handle: Callable[[str, dict[str, Any]], Awaitable[None]],
        order: KeyOrder | None = None,
    ) -> None:
        self._order = order
        self._concurrency = concurrency
        self._handle = handle
        self._queue: deque[Entry] = deque()
        self._running: dict[asyncio.Task[None], Entry] = {}
        self._dropped: set[asyncio.Task[None]] = set()
        self._idle: list[asyncio.Future[None]] = []
        self._waking: set[asyncio.Future[None]] = set()
        self._room: list[tuple[int, asyncio.Future[None]]] = []
        self._alone: deque[Entry] | None = None
        self._still: asyncio.Future[None] | None = None
        self._workers: set[asyncio.Task[None]] = set()
        self._closing = False
        self.deaf = 0
        self._put = 0
        self._turn = 0.0
        self._breathing = False

    @property
    def queued(self) -> int:
        """How many entries wait to be started."""
        return len(self._queue)

    @property
    def free(self) -> int:
        """How many workers have nothing to do."""
        return max(0, self._concurrency - len(self._running))

    @property
    def started(self) -> int:
        """How many entries have left the queue, ever."""
        return self._put - len(self._queue)

    def open(self) -> None:
        """Start the workers."""
        self._closing = False
        for _ in range(self._concurrency):
            self._start_worker()

    def put(self, entries: list[Entry], *, first: bool = False) -> None:
        """Queue entries in order; ``first`` puts them before what is queued."""
        if self._order is not None:
            entries = self._order.admit(entries, first=first)
        self._put += len(entries)
        if first:
            self._queue.extendleft(reversed(entries))
        else:
            self._queue.extend(entries)
        self._wake()

    async def room(self, below: int) -> None:
        """Wait until fewer than ``below`` entries are queued, or the slots are closing."""
        while not self._has_room(below) and not self._closing:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._room.append((below, future))
            await future

    def _has_room(self, below: int) -> bool:
        # What waits for its key takes no slot, and is no reason to leave slots empty; but it takes memory.
        return len(self._queue) < below and (self._order is None or self._order.waiting < _MOST_WAITING)

    async def run_alone(self, fetch: Callable[[], Awaitable[list[Entry]]], patience: float) -> bool:
        """Start nothing more, and once nothing runs, run what ``fetch`` brings, with nothing beside it.

        Returns False, and has fetched nothing, where handlers still run after ``patience`` seconds.
        """
        alone = self._alone = deque()
        try:
            async with asyncio.timeout(patience):
                await self._stillness()
        except TimeoutError:
            return False
        else:
            alone.extend(await fetch())
            self._wake()
            await self._stillness()
            return True
        finally:
            self._alone = None
            self._queue.extendleft(reversed(alone))
            self._wake()

    def drop(self, entry_id: str) -> None:
        """Take an entry out of the queue, or cancel its handler; its worker goes on with the next."""
        kept = [entry for entry in self._queue if entry[0] != entry_id]
        was_queued = len(kept) < len(self._queue)
        self._queue.clear()
        self._queue.extend(kept)
        if self._order is not None:
            self._order.forget(entry_id)
            if was_queued:
                self._go_on(self._order, entry_id)
        for worker, entry in self._running.items():
            if entry[0] == entry_id and worker not in self._dropped:
                self._dropped.add(worker)
                worker.cancel()

    def clear(self) -> dict[str, dict[str, Any]]:
        """Empty the queue; returns what will not be started."""
        unstarted = dict(self._queue)
        self._queue.clear()
        if self._order is not None:
            unstarted.update(self._order.clear())
        return unstarted

    async def close(self, grace: float) -> dict[str, dict[str, Any]]:
        """Let what runs finish within ``grace`` seconds, then cancel it; returns what was cut off."""
        self._closing = True
        self._admit()
        for idle in self._idle:
            _resolve(idle)
        if self._workers:
            await asyncio.wait(self._workers, timeout=grace)
        cut = dict(self._running.values())
        await self._cancel_workers()
        self._idle.clear()
        return cut

    async def _cancel_workers(self) -> None:
        for worker in self._workers:
            worker.cancel()
        if self._workers:
            _, deaf = await asyncio.wait(self._workers, timeout=_LAST_PATIENCE)
            self.deaf = len(deaf)
        self._workers.clear()

    def _start_worker(self) -> None:
        self._workers.add(asyncio.create_task(self._work()))

    async def _work(self) -> None:
        worker = asyncio.current_task()
        assert worker is not None  # noqa: S101 - a worker is a task
        handle, running = self._handle, self._running
        rested = False
        while True:
            queue = self._queue if self._alone is None else self._alone
            if not queue:
                if self._closing:
                    return
                await self._or_replaced(worker, self._rest())
                rested = True
                continue
            entry = queue.popleft()
            if self._idle and queue and (rested or not self._waking):
                self._wake()
            rested = False
            if self._room:
                self._admit()
            running[worker] = entry
            try:
                await handle(*entry)
            except BaseException:
                if worker not in self._dropped:
                    self._replace(worker)
                    raise
            finally:
                del running[worker]
                if self._dropped or self._still is not None or self._order is not None:
                    self._finish(worker, entry[0])
            if monotonic() > self._turn:
                await self._or_replaced(worker, self._breathe())

    def _go_on(self, order: KeyOrder, entry_id: str) -> None:
        """An entry has ended: the next with its key may start."""
        following = order.end(entry_id)
        if following is not None:
            self._put += 1
            self._queue.append(following)
            self._wake()

    async def _or_replaced(self, worker: asyncio.Task[None], pause: Coroutine[Any, Any, None]) -> None:
        """Pause; a cancellation that a handler left behind for its own task costs no slot."""
        try:
            await pause
        except asyncio.CancelledError:
            self._replace(worker)
            raise

    async def _breathe(self) -> None:
        """Let the event loop turn: handlers that never wait would hold up acks, reads and signals."""
        if not self._breathing:
            # One share for all workers: were it one for each, a turn of the loop would take as many.
            self._breathing = True
            asyncio.get_running_loop().call_soon(self._breathed)
        await asyncio.sleep(0)

    def _breathed(self) -> None:
        self._breathing = False
        self._turn = monotonic() + _BREATH

    def _finish(self, worker: asyncio.Task[None], entry_id: str) -> None:
        if self._order is not None:
            self._go_on(self._order, entry_id)
        if worker in self._dropped:
            self._dropped.discard(worker)
            worker.uncancel()
        if self._still is not None and not self._running:
            _resolve(self._still)

    def _replace(self, worker: asyncio.Task[None]) -> None:
        """A handler has cancelled its own task, or something failed that must not: that slot lives on."""
        if not self._closing:
            self._workers.discard(worker)
            self._start_worker()

    async def _rest(self) -> None:
        idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(idle)
        try:
            await idle
        finally:
            self._waking.discard(idle)

    async def _stillness(self) -> None:
        """Wait until nothing runs, and nothing that may start is queued."""
        while self._running or self._alone:
            self._still = asyncio.get_running_loop().create_future()
            await self._still
        self._still = None

    def _wake(self) -> None:
        queue = self._queue if self._alone is None else self._alone
        for _ in range(min(2, len(self._idle), len(queue))):
            idle = self._idle.pop()
            self._waking.add(idle)
            _resolve(idle)

    def _admit(self) -> None:
        """Let those go on who wait for room that is there now."""
        waiting, self._room = self._room, []
        for below, future in waiting:
            if self._closing or self._has_room(below):
                _resolve(future)
                self._turn = 0.0  # whoever reads gets the loop's next turn: entries come while others run
            else:
                self._room.append((below, future))


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
