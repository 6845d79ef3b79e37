"""Slots: worker coroutines that take entries from one bounded queue.

A fixed set of coroutines instead of a task for each entry: starting a task costs more than most
handlers. A worker that takes an entry wakes two idle ones if more is queued, so that handlers which
wait run side by side at once, and handlers which do not cost few wake-ups.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from streamroute.core.breath import Breath
from streamroute.core.cancellation import is_our_end, uncloseable
from streamroute.core.ordering import Entry, KeyOrder

__all__ = ["Entry", "Slots"]

_MOST_WAITING: Final = 5_000  # entries that wait for another with the same key
_LAST_PATIENCE: Final = 5.0  # seconds that a handler which was cancelled has to end


def _ignore(*_what: object) -> None:
    """What those do who need not know how an entry ended."""


class _Worker:
    """A slot: its task and the entry that it runs.

    ``dropped`` says that the end of that run does not count, ``retired`` that it is the last.
    """

    __slots__ = ("dropped", "entry", "retired", "task")

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.entry: Entry | None = None
        self.dropped = False
        self.retired = False


class Slots:
    """``concurrency`` workers, and the queue of what they will handle next.

    ``handle`` starts an entry: what it returns is awaited. ``done`` is told of each entry whose run has
    ended, ``failed`` of each that raised; neither of one that was dropped and still goes on to its end.
    ``order`` keeps entries with equal keys from running at once. ``deaf`` is how many handlers had not
    ended when the slots were closed, although they were cancelled.
    """

    def __init__(
        self,
        concurrency: int,
        handle: Callable[[str, dict[str, Any]], Awaitable[Any]],
        order: KeyOrder | None = None,
        *,
        done: Callable[[str, dict[str, Any]], None] = _ignore,
        failed: Callable[[str, dict[str, Any], BaseException], None] = _ignore,
    ) -> None:
        self._order = order
        self._concurrency = concurrency
        self._handle = handle
        self._done = done
        self._failed = failed
        self._queue: deque[Entry] = deque()
        self._idle: list[asyncio.Future[None]] = []
        self._waking: set[asyncio.Future[None]] = set()
        self._room: list[tuple[int, asyncio.Future[None]]] = []
        self._startable = self._queue
        self._still: asyncio.Future[None] | None = None
        self._workers: set[_Worker] = set()
        self._closing = False
        self.deaf = 0
        self._put = 0
        self._wanted = 0  # fewer in the queue, and somebody who waits for room may go on
        self._breath = Breath()

    @property
    def queued(self) -> int:
        """How many entries wait to be started."""
        return len(self._queue)

    @property
    def free(self) -> int:
        """How many workers have nothing to do."""
        return len(self._idle) + len(self._waking)

    @property
    def running(self) -> int:
        """How many entries run at this moment; may be asked from any thread."""
        return len(self._busy())

    @property
    def started(self) -> int:
        """How many entries have left the queue, ever."""
        return self._put - len(self._queue)

    def open(self) -> None:
        """Start the workers."""
        self._closing, self._breath = False, Breath()
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
        self._breath.hold()
        self._wake(len(self._startable))

    async def room(self, below: int) -> None:
        """Wait until fewer than ``below`` entries are queued, or the slots are closing."""
        while not self._has_room(below) and not self._closing:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._room.append((below, future))
            self._wanted = max(self._wanted, below)
            await future

    def _has_room(self, below: int) -> bool:
        # What waits for its key takes no slot, and is no reason to leave slots empty; but it takes memory.
        return len(self._queue) < below and (self._order is None or self._order.waiting < _MOST_WAITING)

    async def run_alone(
        self, fetch: Callable[[], Awaitable[list[Entry]]], patience: float, longest: float
    ) -> bool:
        """Start nothing more, and once nothing runs, run what ``fetch`` brings, with nothing beside it.

        Returns False, and has fetched nothing, where handlers still run after ``patience`` seconds. What
        is not done after ``longest`` seconds has others beside it from then on, unless there is an order:
        another with its key might be among them.
        """
        alone = self._startable = deque()
        try:
            async with asyncio.timeout(patience):
                await self._stillness()
        except TimeoutError:
            return False
        else:
            alone.extend(await fetch())
            self._wake(len(self._startable))
            with suppress(TimeoutError):
                async with asyncio.timeout(longest if self._order is None else None):
                    await self._stillness()
            return True
        finally:
            self._startable = self._queue
            self._queue.extendleft(reversed(alone))
            self._wake(len(self._startable))

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
        for worker in self._busy():
            if worker.entry is not None and worker.entry[0] == entry_id and not worker.dropped:
                worker.dropped = True
                if worker.task is not None:
                    worker.task.cancel()

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
            await asyncio.wait(self._tasks(), timeout=grace)
        cut = dict(worker.entry for worker in self._busy() if worker.entry is not None)
        await self._cancel_workers()
        self._idle.clear()
        return cut

    async def _cancel_workers(self) -> None:
        for task in self._tasks():
            task.cancel()
        if self._workers:
            _, deaf = await asyncio.wait(self._tasks(), timeout=_LAST_PATIENCE)
            self.deaf = len(deaf)
        for worker in self._workers:
            worker.dropped = worker.retired = True  # what a deaf one runs is released: its end comes too late
        self._workers.clear()

    def _busy(self) -> list[_Worker]:
        return [worker for worker in list(self._workers) if worker.entry is not None]

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [worker.task for worker in self._workers if worker.task is not None]

    def _start_worker(self) -> None:
        worker = _Worker()
        self._workers.add(worker)
        worker.task = asyncio.create_task(uncloseable(self._work(worker)))

    async def _work(self, worker: _Worker) -> None:
        while not worker.retired:
            await self._run(worker, self._startable)
            try:
                if self._startable:
                    await asyncio.sleep(0)  # handlers that never wait would hold up acks, reads and signals
                elif self._closing:
                    return
                else:
                    await self._rest()
            except asyncio.CancelledError:
                # A handler has left a cancellation behind for its own task: that costs no slot.
                self._replace(worker)
                raise

    async def _run(self, worker: _Worker, queue: deque[Entry]) -> None:
        """Run what is queued, one entry after the other, until the event loop has to turn."""
        handle, done, breath = self._handle, self._done, self._breath
        breath.draw()
        while queue is self._startable and queue and not worker.retired:
            worker.entry = entry_id, payload = queue.popleft()
            if self._idle and queue and not self._waking:
                self._wake(len(queue))
            if len(queue) < self._wanted:
                self._admit()
            try:
                await handle(entry_id, payload)
            except BaseException as error:
                self._failed(entry_id, payload, error)
                if is_our_end(error, worker.task) and not worker.dropped:
                    self._replace(worker)
                    raise
            else:
                if not worker.dropped:
                    done(entry_id, payload)
            finally:
                worker.entry = None
                if worker.dropped or self._still is not None or self._order is not None:
                    self._finish(worker, entry_id)
            if monotonic() > breath.end and not breath.draw():
                return

    def _go_on(self, order: KeyOrder, entry_id: str) -> None:
        """An entry has ended: the next with its key may start."""
        following = order.end(entry_id)
        if following is not None:
            self._put += 1
            self._queue.append(following)
            self._wake(len(self._startable))

    def _finish(self, worker: _Worker, entry_id: str) -> None:
        if self._order is not None:
            self._go_on(self._order, entry_id)
        if worker.dropped and not worker.retired:
            worker.dropped = False
            if worker.task is not None:
                worker.task.uncancel()
        if self._still is not None and not self._busy():
            _resolve(self._still)

    def _replace(self, worker: _Worker) -> None:
        """A handler has cancelled its own task, or something failed that must not: that slot lives on."""
        if not self._closing:
            self._workers.discard(worker)
            self._start_worker()

    async def _rest(self) -> None:
        """Wait until there is something to do; whoever is woken wakes others, if there is more."""
        idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(idle)
        try:
            await idle
        finally:
            self._waking.discard(idle)
        self._wake(len(self._startable) - 1)

    async def _stillness(self) -> None:
        """Wait until nothing runs, and nothing that may start is queued."""
        try:
            while self._busy() or (self._startable is not self._queue and self._startable):
                self._still = asyncio.get_running_loop().create_future()
                await self._still
        finally:
            self._still = None

    def _wake(self, startable: int) -> None:
        """Wake two workers at most, where so many entries are for others to start."""
        for _ in range(min(2, len(self._idle), startable)):
            idle = self._idle.pop()
            self._waking.add(idle)
            _resolve(idle)

    def _admit(self) -> None:
        """Let those go on who wait for room that is there now."""
        waiting, self._room, self._wanted = self._room, [], 0
        for below, future in waiting:
            if self._closing or self._has_room(below):
                _resolve(future)
                self._breath.hold()
            else:
                self._room.append((below, future))
                self._wanted = max(self._wanted, below)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
