"""Worker pool: coroutines that take entries from one bounded queue.

There is a fixed set of coroutines instead of a task for each entry, because starting a task costs more than
most handlers. A worker that takes an entry wakes two idle ones if more entries are queued, so that handlers
that wait run concurrently at once, and handlers that do not wait cost few wake-ups. A worker is started when
it is first needed: an idle stream has none.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from time import monotonic
from typing import Any, Final

from streamroute.core.cancellation import is_own_cancellation, uncloseable
from streamroute.core.consume.pool.key_ordering import Entry, KeyedQueue
from streamroute.core.consume.pool.loop_budget import LoopBudget
from streamroute.core.consume.pool.run_queue import RunQueue
from streamroute.core.consume.pool.worker import ThreadsLeft, Worker, take_back_cancellations
from streamroute.core.thread_call import ABANDONED_CALLS, ThreadCall

__all__ = ["Entry", "Worker", "WorkerPool"]

log = logging.getLogger(__name__)

_MOST_WAITING: Final = 5_000  # entries that may wait for another with the same key
_LAST_PATIENCE: Final = 5.0  # seconds that a cancelled handler has to end
STUCK_AFTER: Final = 10.0
"""Seconds after which a cancelled handler that keeps running counts as stuck."""


def _ignore(*_what: object) -> None:
    """Default no-op callback."""


class WorkerPool:
    """``concurrency`` workers, and the queue of entries that they handle next.

    ``handle`` starts an entry and returns an awaitable. ``done`` is called with each entry whose run ended,
    ``failed`` with each that raised; neither is called with a dropped entry. ``stuck`` is called with each
    entry that is still running ``stuck_after`` seconds after it was cancelled, and with its worker. The entry
    of a plain function that keeps running in its thread has its outcome, but the worker stays occupied.
    ``order`` keeps entries with equal keys from running concurrently. ``uncancellable`` is the number of
    cancelled handlers that had not ended when the pool closed.
    """

    def __init__(
        self,
        concurrency: int,
        handle: Callable[[str, dict[str, Any]], Awaitable[Any]],
        order: KeyedQueue | None = None,
        *,
        done: Callable[[str, dict[str, Any]], None] = _ignore,
        failed: Callable[[str, dict[str, Any], BaseException], None] = _ignore,
        stuck: Callable[[str, dict[str, Any], Worker], None] = _ignore,
        stuck_after: float = STUCK_AFTER,
        last_patience: float = _LAST_PATIENCE,
    ) -> None:
        self._queue = RunQueue(order)
        self._concurrency = concurrency
        self._handle = handle
        self._done = done
        self._failed = failed
        self._stuck = stuck
        self._stuck_after = stuck_after
        self._last_patience = last_patience
        self._idle: list[asyncio.Future[None]] = []
        self._waking: set[asyncio.Future[None]] = set()
        self._room: list[tuple[int, asyncio.Future[None]]] = []
        self._idle_waiter: asyncio.Future[None] | None = None
        self._workers: set[Worker] = set()
        self._stuck_workers: set[Worker] = set()
        self._unstarted = concurrency  # workers not needed so far
        self._starting = 0
        self._closing = False
        self.uncancellable = 0
        self._wanted = 0  # with fewer entries queued, a waiter for room may continue
        self._budget = LoopBudget()
        self._watch: asyncio.TimerHandle | None = None

    @property
    def queued(self) -> int:
        """The number of entries waiting to be started."""
        return len(self._queue)

    @property
    def free(self) -> int:
        """The number of idle workers, including those not started yet."""
        return len(self._idle) + len(self._waking) + self._unstarted

    @property
    def running(self) -> int:
        """The number of running entries; may be read from any thread."""
        return len(self._busy())

    @property
    def stuck(self) -> int:
        """The number of workers occupied by stuck handlers; may be read from any thread."""
        return len(self._stuck_workers)

    @property
    def all_stuck(self) -> bool:
        """Whether all workers are stuck, so that no entry can start."""
        return len(self._stuck_workers) == self._concurrency

    @property
    def started(self) -> int:
        """The total number of entries that have left the queue."""
        return self._queue.started

    def waiting(self) -> Collection[str]:
        """Return the ids of unstarted entries; may be called from any thread while the loop is blocked."""
        return self._queue.ids()

    def open(self) -> None:
        """Start running entries."""
        self._closing, self._budget, self._stuck_workers = False, LoopBudget(), set()
        self._unstarted, self._starting, self.uncancellable = self._concurrency, 0, 0

    def put(self, entries: list[Entry], *, first: bool = False) -> None:
        """Queue entries in order; ``first`` puts them at the head, behind entries put first before."""
        self._queue.put(entries, first=first)
        self._budget.yield_to_reader()
        self._wake(len(self._queue.startable))

    async def room(self, below: int) -> None:
        """Wait until fewer than ``below`` entries are queued and a worker is usable, or until closed."""
        while not self._has_room(below) and not self._closing:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._room.append((below, future))
            self._wanted = max(self._wanted, below)
            await future

    def _has_room(self, below: int) -> bool:
        # Entries that wait for their key occupy no worker, but they use memory.
        if self._queue.waiting_for_key >= _MOST_WAITING:
            return False
        return len(self._queue) < below and not self.all_stuck

    # Running an entry alone.

    def pause(self) -> None:
        """Start no queued entries until ``resume()``."""
        self._queue.pause()

    def resume(self) -> None:
        """Start queued entries again."""
        self._queue.resume()
        self._wake(len(self._queue.startable))

    def put_exclusive(self, entries: list[Entry]) -> None:
        """Start these entries while the pool is paused, before queued entries with their keys."""
        self._queue.put_exclusive(entries)
        self._wake(len(self._queue.startable))

    async def wait_idle(self) -> None:
        """Wait until no entry is running and no exclusive entry is queued."""
        try:
            while self._is_running() or self._queue.has_exclusive:
                self._idle_waiter = asyncio.get_running_loop().create_future()
                await self._idle_waiter
        finally:
            self._idle_waiter = None

    def drop(self, entry_id: str) -> None:
        """Remove an entry from the queue, or cancel its handler; its worker continues with the next."""
        if self._queue.discard(entry_id):
            self._start_next_with_key(entry_id)
            self._resolve_idle_waiter()
        for worker in self._busy():
            if worker.entry is not None and worker.entry[0] == entry_id and not worker.dropped:
                worker.dropped = True
                if worker.task is not None:
                    worker.task.cancel()

    def clear(self) -> dict[str, dict[str, Any]]:
        """Empty the queue; return the entries by id."""
        return self._queue.clear()

    async def close(self, grace: float) -> dict[str, dict[str, Any]]:
        """Let running entries finish within ``grace`` seconds, then cancel them; return those cut off."""
        self._closing = True
        self._release_waiters()
        for idle in self._idle:
            _resolve(idle)
        for worker in self._workers:
            if worker.left is not None and worker.task is not None:
                worker.task.cancel()  # its entry has its outcome: no need to wait
        if self._workers:
            await asyncio.wait(self._tasks(), timeout=grace)
        cut = dict(worker.entry for worker in self._busy() if worker.entry is not None)
        await self._cancel_workers()
        self._idle.clear()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        return cut

    async def _cancel_workers(self) -> None:
        for task in self._tasks():
            task.cancel()
        if self._workers:
            _, uncancellable = await asyncio.wait(self._tasks(), timeout=self._last_patience)
            self.uncancellable = len(uncancellable)
        for worker in self._workers:
            worker.dropped = worker.retired = True  # their entries are released: a late result does not count
        self._workers.clear()

    def _busy(self) -> list[Worker]:
        return [worker for worker in list(self._workers) if worker.entry is not None]

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [worker.task for worker in self._workers if worker.task is not None]

    # The workers.

    def _start_worker(self) -> None:
        worker = Worker()
        self._workers.add(worker)
        self._unstarted -= 1
        self._starting += 1
        worker.task = asyncio.create_task(uncloseable(self._work(worker)))

    async def _work(self, worker: Worker) -> None:
        self._starting -= 1
        try:
            await self._work_until_retired(worker)
        except Exception:
            log.exception("a worker failed, which is a defect of streamroute; another one takes its place")
            self._replace(worker)
        except GeneratorExit:
            raise  # the event loop ended without close()
        except BaseException:
            # A handler cancelled its own task: the pool must not lose the worker.
            self._replace(worker)
            raise

    async def _work_until_retired(self, worker: Worker) -> None:
        while not worker.retired:
            await self._run(worker, self._queue.startable)
            if self._queue.startable:
                await asyncio.sleep(0)  # handlers that never wait would block acks, reads and signals
            elif self._closing:
                return
            else:
                await self._wait_for_work()

    async def _run(self, worker: Worker, queue: deque[Entry]) -> None:
        """Run queued entries one after the other, until the event loop needs to run."""
        handle, done, budget = self._handle, self._done, self._budget
        run_queue, has_order = self._queue, self._queue.has_order
        budget.renew()
        while queue is run_queue.startable and queue and not worker.retired:
            worker.entry = entry_id, payload = queue.popleft()
            if queue and (self._idle or self._unstarted) and not self._waking and not self._starting:
                self._wake(len(queue))
            if len(queue) < self._wanted or self._watch is None:
                self._note_start()
            try:
                await handle(entry_id, payload)
            except BaseException as error:
                self._failed(entry_id, payload, error)
                if is_own_cancellation(error, worker.task) and not worker.dropped:
                    raise
            else:
                if not worker.dropped:
                    done(entry_id, payload)
            finally:
                worker.entry = None
                if worker.dropped or self._idle_waiter is not None or has_order:
                    self._finish(worker, entry_id)
            has_left = ABANDONED_CALLS and await self._await_abandoned_calls(worker, (entry_id, payload))
            if has_left or (monotonic() > budget.end and not budget.renew()):
                return

    async def _await_abandoned_calls(self, worker: Worker, entry: Entry) -> bool:
        """Keep the worker occupied until the threads of its entry end; return whether there were any."""
        calls = () if worker.task is None else tuple(ABANDONED_CALLS.get(worker.task, ()))
        if not calls or self._closing:
            return False
        worker.left = ThreadsLeft(entry, calls, monotonic())
        self._wake(len(self._queue.startable))
        if self._watch is None:
            self._begin_watch()
        try:
            await ThreadCall.all_ended(calls)
        finally:
            worker.left = None
            self._unstick(worker)
            self._resolve_idle_waiter()
        return True

    def _start_next_with_key(self, entry_id: str) -> None:
        """Record the end of an entry: the next one with its key may start."""
        if self._queue.complete(entry_id):
            self._wake(len(self._queue.startable))

    def _finish(self, worker: Worker, entry_id: str) -> None:
        if not worker.is_stuck:
            self._start_next_with_key(entry_id)
        self._unstick(worker)
        if worker.dropped and not worker.retired:
            worker.dropped = False
            take_back_cancellations(worker.task)
        self._resolve_idle_waiter()

    def _unstick(self, worker: Worker) -> None:
        if worker.is_stuck:
            worker.is_stuck = False
            self._stuck_workers.discard(worker)
            self._release_waiters()

    def _is_running(self) -> bool:
        """Whether a worker is busy and not stuck; threads left behind count: they may kill the process."""
        workers = [worker for worker in list(self._workers) if not worker.is_stuck]
        return any(worker.entry is not None or worker.left is not None for worker in workers)

    def _resolve_idle_waiter(self) -> None:
        if self._idle_waiter is not None and not self._is_running():
            _resolve(self._idle_waiter)

    def _replace(self, worker: Worker) -> None:
        """Replace a worker whose task was cancelled by its handler, or failed by a defect."""
        if worker in self._workers:
            self._workers.discard(worker)
            self._unstarted += 1
        if not self._closing and not worker.retired:
            self._start_worker()

    async def _wait_for_work(self) -> None:
        """Wait until an entry is queued; a worker that is woken wakes others if more are queued."""
        idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(idle)
        try:
            await idle
        except BaseException:
            if idle in self._idle:  # cancelled before it was woken
                self._idle.remove(idle)
            raise
        finally:
            self._waking.discard(idle)
        self._wake(len(self._queue.startable) - 1)

    def _wake(self, startable: int) -> None:
        """Wake or start up to two workers, but no more than there are ``startable`` entries."""
        for _ in range(min(2, startable)):
            if self._idle:
                idle = self._idle.pop()
                self._waking.add(idle)
                _resolve(idle)
            elif self._unstarted and not self._closing:
                self._start_worker()

    def _release_waiters(self) -> None:
        """Wake waiters whose limit is now satisfied."""
        waiting, self._room, self._wanted = self._room, [], 0
        for below, future in waiting:
            if self._closing or self._has_room(below):
                _resolve(future)
                self._budget.yield_to_reader()
            else:
                self._room.append((below, future))
                self._wanted = max(self._wanted, below)

    # Handlers that do not end after they were cancelled.

    def _note_start(self) -> None:
        """Record that an entry has started: wake waiters for room, and watch the entry."""
        self._release_waiters()
        if self._watch is None:
            self._begin_watch()

    def _begin_watch(self) -> None:
        self._watch = asyncio.get_running_loop().call_later(self._stuck_after / 2, self._look)

    def _look(self) -> None:
        """Check running entries for stuck handlers; repeat while any entry runs."""
        self._watch = None
        now = monotonic()
        for worker in self._busy():
            self._look_at(worker, now)
        left = [(worker, worker.left) for worker in list(self._workers) if worker.left is not None]
        for worker, (entry, _, since) in left:
            if now - since >= self._stuck_after and not worker.is_stuck:
                worker.is_stuck = True
                self._stuck_workers.add(worker)
                self._resolve_idle_waiter()
                self._stuck(*entry, worker)
        if (left or self._busy()) and not self._closing:
            self._begin_watch()

    def _look_at(self, worker: Worker, now: float) -> None:
        task, entry = worker.task, worker.entry
        if task is None or entry is None or not task.cancelling():
            worker.cancelled = None
        elif worker.cancelled is None or worker.cancelled[0] is not entry:
            worker.cancelled = (entry, now)
        elif now - worker.cancelled[1] >= self._stuck_after and not worker.is_stuck:
            self._abandon(worker, entry, task)

    def _abandon(self, worker: Worker, entry: Entry, task: asyncio.Task[None]) -> None:
        """Stop waiting for the handler: it occupies its worker until it ends, and its result is ignored."""
        worker.is_stuck = worker.dropped = True
        self._stuck_workers.add(worker)
        task.cancel()
        self._start_next_with_key(entry[0])
        self._resolve_idle_waiter()
        self._stuck(*entry, worker)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
