"""Worker pool: coroutines that take entries from one bounded queue.

There is a fixed set of coroutines instead of a task for each entry, because starting a task costs more than
most handlers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from time import monotonic
from typing import Any, Final

from streamroute.core.cancellation import is_own_cancellation, uncloseable
from streamroute.core.consume.pool.current_entry import register
from streamroute.core.consume.pool.idle_workers import IdleWorkers
from streamroute.core.consume.pool.key_ordering import Entry, KeyedQueue
from streamroute.core.consume.pool.loop_budget import LoopBudget
from streamroute.core.consume.pool.room_waiters import RoomWaiters
from streamroute.core.consume.pool.run_queue import RunQueue
from streamroute.core.consume.pool.stuck_watch import StuckWatch
from streamroute.core.consume.pool.worker import AbandonedThreads, Worker, Workers, take_back_cancellations
from streamroute.core.thread_call import ABANDONED_CALLS, ThreadCall

__all__ = ["Entry", "Worker", "WorkerPool"]

log = logging.getLogger(__name__)

_MAX_WAITING: Final = 5_000  # entries that may wait for another with the same key
_LAST_PATIENCE: Final = 5.0  # seconds that a cancelled handler has to end
STUCK_AFTER: Final = 10.0
"""Seconds after which a cancelled handler that keeps running counts as stuck."""


_NO_PAYLOAD: Final[dict[str, Any]] = {}


def _ignore(*_what: object) -> None:
    """Default no-op callback."""


class WorkerPool:
    """``concurrency`` workers, and the queue of entries that they handle next.

    ``handle`` starts an entry and returns an awaitable, or None if the run has ended. ``done`` is called with
    each entry whose run ended, ``failed`` with each that raised; neither is called with a dropped entry.
    ``stuck`` is called with each entry that is still running ``stuck_after`` seconds after it was cancelled,
    and with its worker. The entry of a plain function that keeps running in its thread has its outcome, but
    the worker stays occupied. ``give_back`` is called with the queued entries, which leave the queue, when
    every worker is stuck. ``order`` keeps entries with equal keys from running concurrently. ``consumer`` is
    its name in the group. ``uncancellable`` is the number of cancelled handlers that had not ended when the
    pool closed.
    """

    def __init__(  # noqa: PLR0913 - callbacks, each with a default
        self,
        concurrency: int,
        handle: Callable[[str, dict[str, Any]], Awaitable[Any] | None],
        order: KeyedQueue | None = None,
        *,
        done: Callable[[str, dict[str, Any]], None] = _ignore,
        failed: Callable[[str, dict[str, Any], BaseException], None] = _ignore,
        stuck: Callable[[str, dict[str, Any], Worker], None] = _ignore,
        give_back: Callable[[dict[str, dict[str, Any]]], None] | None = None,
        stuck_after: float = STUCK_AFTER,
        last_patience: float = _LAST_PATIENCE,
        consumer: str = "",
    ) -> None:
        self._consumer = consumer
        self._concurrency = concurrency
        self._handle = handle
        self._done = done
        self._failed = failed
        self._stuck = stuck
        self._give_back = give_back
        self._last_patience = last_patience
        self._queue = RunQueue(order)
        self._room = RoomWaiters()
        self._budget = LoopBudget()
        self._workers = Workers()
        self._watch = StuckWatch(self._workers, stuck_after, self._on_stuck)
        self._idle = IdleWorkers(concurrency, self._start_worker)
        self._idle_waiter: asyncio.Future[None] | None = None
        self._closing = False
        self._surplus = 0  # workers that end as soon as they have no entry
        self.uncancellable = 0

    @property
    def queued(self) -> int:
        """The number of entries waiting to be started."""
        return len(self._queue)

    @property
    def free(self) -> int:
        """The number of idle workers, including those not started yet."""
        return self._idle.free

    @property
    def running(self) -> int:
        """The number of running entries; may be read from any thread."""
        return len(self._workers.busy())

    def running_payloads(self) -> list[dict[str, Any]]:
        """Return the payloads that handlers still use, stuck handlers and abandoned threads included."""
        return self._workers.payloads()

    @property
    def is_idle(self) -> bool:
        """Whether no entry runs, except stuck ones."""
        return self._workers.are_idle()

    @property
    def stuck(self) -> int:
        """The number of workers occupied by stuck handlers; may be read from any thread."""
        return len(self._watch.stuck)

    @property
    def all_stuck(self) -> bool:
        """Whether all workers are stuck, so that no entry can start."""
        return len(self._watch.stuck) >= self._concurrency

    @property
    def started(self) -> int:
        """The total number of entries that have left the queue."""
        return self._queue.started

    def waiting(self) -> Collection[str]:
        """Return the ids of unstarted entries; may be called from any thread while the loop is blocked."""
        return self._queue.ids()

    def open(self) -> None:
        """Start running entries."""
        self._closing, self.uncancellable = False, 0
        self._budget = LoopBudget()
        self._watch.stuck.clear()
        self._idle.open()

    def put(self, entries: list[Entry], *, first: bool = False) -> None:
        """Queue entries in order; ``first`` puts them at the head, behind entries put first before."""
        self._queue.put(entries, first=first)
        self._budget.yield_to_reader()
        self._idle.wake(len(self._queue.startable))

    def resize(self, concurrency: int) -> None:
        """Run at most ``concurrency`` entries at once; those that run now may end, and no other starts until
        there is room.
        """
        self._concurrency = concurrency
        self._idle.resize(concurrency)
        if self._closing:
            return
        started = len(self._workers)
        self._idle.unstarted = max(0, concurrency - started)
        self._surplus = max(0, started - concurrency)
        self._workers.set_retired(self._surplus > 0)
        self._idle.wake_all()
        self._idle.wake(len(self._queue.startable))
        self._release_waiters()

    async def room(self, below: int) -> None:
        """Wait until fewer than ``below`` entries are queued and a worker is usable, or until closed."""
        while not self._has_room(below):
            await self._room.wait(below)

    def _has_room(self, below: int) -> bool:
        if self._closing:
            return True
        # Entries that wait for their key occupy no worker, but they use memory.
        if self._queue.waiting_for_key >= _MAX_WAITING:
            return False
        return len(self._queue) < below and not self.all_stuck

    def _release_waiters(self) -> None:
        """Wake waiters whose limit is now satisfied; a reader requests more before handlers run."""
        if self._room.release(self._has_room):
            self._budget.yield_to_reader()

    # Running an entry alone.

    @property
    def is_paused(self) -> bool:
        """Whether no queued entry starts until ``resume()``."""
        return self._queue.is_paused

    def pause(self) -> None:
        """Start no queued entries until ``resume()``."""
        self._queue.pause()

    def resume(self) -> None:
        """Start queued entries again."""
        self._queue.resume()
        self._idle.wake(len(self._queue.startable))

    def put_exclusive(self, entries: list[Entry]) -> None:
        """Start these entries while the pool is paused, before queued entries with their keys."""
        self._queue.put_exclusive(entries)
        self._idle.wake(len(self._queue.startable))

    async def wait_idle(self) -> None:
        """Wait until no entry is running and no exclusive entry is queued."""
        try:
            while not self._workers.are_idle() or self._queue.has_exclusive:
                self._idle_waiter = asyncio.get_running_loop().create_future()
                await self._idle_waiter
        finally:
            self._idle_waiter = None

    def drop(self, entry_id: str) -> None:
        """Remove an entry from the queue, or cancel its handler; its worker continues with the next."""
        if self._queue.discard(entry_id):
            self._start_next_with_key(entry_id)
            self._resolve_idle_waiter()
        for worker in self._workers.busy():
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
        self._idle.close()
        for worker in self._workers:
            if worker.abandoned is not None and worker.task is not None:
                worker.task.cancel()  # its entry has its outcome: no need to wait
        if self._workers:
            await asyncio.wait(self._workers.tasks(), timeout=grace)
        cut = self._workers.entries()
        await self._cancel_workers()
        self._watch.stop()
        return cut

    async def _cancel_workers(self) -> None:
        for task in self._workers.tasks():
            task.cancel()
        if self._workers:
            _, uncancellable = await asyncio.wait(self._workers.tasks(), timeout=self._last_patience)
            self.uncancellable = len(uncancellable)
        for worker in self._workers:
            worker.dropped = worker.retired = True  # their entries are released: a late result does not count
        self._workers.clear()

    # The workers.

    def _start_worker(self) -> None:
        worker = Worker(self._consumer)
        self._workers.add(worker)
        worker.task = asyncio.create_task(uncloseable(self._work(worker)))
        register(worker)

    async def _work(self, worker: Worker) -> None:
        self._idle.begin()
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

    async def _work_until_retired(  # noqa: C901, PLR0912 - hot path: a call more for each message is measurable
        self, worker: Worker
    ) -> None:
        """Run queued entries one after the other; sleep while there are none."""
        handle, done, budget, idle = self._handle, self._done, self._budget, self._idle
        run_queue, has_order, room, watch = self._queue, self._queue.has_order, self._room, self._watch
        woken = True
        budget.renew()
        while not (worker.retired and self._leaves(worker)):
            queue = run_queue.startable
            if not queue:
                if self._closing:
                    return
                payload, rest = _NO_PAYLOAD, None  # an idle worker keeps no message alive
                await idle.sleep()
                woken = True
                budget.renew()
                continue
            budget.holder = worker
            worker.entry = entry_id, payload = queue.popleft()
            if len(queue) < room.largest_limit or watch.timer is None:
                self._note_start()
            try:
                rest = handle(entry_id, payload)
                if rest is not None:
                    if (
                        queue
                        and (idle.sleeping or idle.unstarted)
                        and (woken or not (idle.waking or idle.starting))
                    ):
                        woken = False
                        idle.wake_more(len(queue))  # this handler may wait
                    await rest
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
            if ABANDONED_CALLS:
                await self._await_abandoned_calls(worker, (entry_id, payload))
            # A handler that waited has let the event loop run: its worker goes on at once. Handlers that
            # never wait would block acks, reads and signals.
            if budget.holder is worker and monotonic() > budget.end and not budget.renew():
                await idle.yield_to_loop()
                budget.renew()

    def _note_start(self) -> None:
        """Record that an entry has started: release waiters for room, and watch the entry."""
        self._release_waiters()
        self._watch.start()

    async def _await_abandoned_calls(self, worker: Worker, entry: Entry) -> None:
        """Keep the worker occupied until the threads of its entry end, if it left any."""
        calls = () if worker.task is None else tuple(ABANDONED_CALLS.get(worker.task, ()))
        if not calls or self._closing:
            return
        worker.abandoned = AbandonedThreads(entry, calls, monotonic())
        self._idle.wake(len(self._queue.startable))
        self._watch.start()
        try:
            await ThreadCall.all_ended(calls)
        finally:
            worker.abandoned = None
            self._unstick(worker)
            self._resolve_idle_waiter()

    def _start_next_with_key(self, entry_id: str) -> None:
        """Record the end of an entry: the next one with its key may start."""
        if self._queue.complete(entry_id):
            self._idle.wake(len(self._queue.startable))

    def _finish(self, worker: Worker, entry_id: str) -> None:
        if not worker.is_stuck:
            self._start_next_with_key(entry_id)
        self._unstick(worker)
        if worker.dropped and worker in self._workers:
            worker.dropped = False  # the result of the next run counts
            take_back_cancellations(worker.task)
        self._resolve_idle_waiter()

    def _unstick(self, worker: Worker) -> None:
        if self._watch.release(worker):
            self._release_waiters()

    def _on_stuck(self, worker: Worker, entry: Entry) -> None:
        """Stop waiting for the handler: it occupies its worker until it ends, and its result is ignored."""
        if worker.task is not None and worker.abandoned is None:
            worker.dropped = True
            worker.task.cancel()
            self._start_next_with_key(entry[0])
        self._resolve_idle_waiter()
        if self.all_stuck and self._give_back is not None:
            self._give_back(self.clear())
        self._stuck(*entry, worker)

    def _resolve_idle_waiter(self) -> None:
        waiter = self._idle_waiter
        if waiter is not None and not waiter.done() and self._workers.are_idle():
            waiter.set_result(None)

    def _leaves(self, worker: Worker) -> bool:
        """Whether a retired worker ends: if there are too many, or if the pool was closed meanwhile."""
        if worker not in self._workers:
            return True
        if not self._surplus:
            worker.retired = False
            return False
        self._surplus -= 1
        self._idle.wake(len(self._queue.startable))
        self._workers.discard(worker)
        self._workers.set_retired(self._surplus > 0)
        return True

    def _replace(self, worker: Worker) -> None:
        """Replace a worker whose task was cancelled by its handler, or failed by a defect."""
        leaves = self._closing or (worker.retired and self._leaves(worker))
        self._workers.discard(worker)
        if not leaves:
            self._idle.start()
