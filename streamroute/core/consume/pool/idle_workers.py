"""Idle workers: those that wait for entries, and those that were not needed so far.

One worker is woken for the entries that are queued. A worker whose handler may wait wakes two more, so that
handlers that wait soon run concurrently, and handlers that do not wait cost few wake-ups. A worker is started
when it is first needed: an idle stream has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class IdleWorkers:
    """At most ``concurrency`` workers; ``start`` starts one more, which calls ``begin()`` first.

    ``starting`` is the number of started workers that do not run yet, ``waking`` that of woken ones.
    ``yielding`` is the number of workers that continue in the next iteration of the event loop.
    """

    __slots__ = ("_concurrency", "_start", "sleeping", "starting", "unstarted", "waking", "yielding")

    def __init__(self, concurrency: int, start: Callable[[], None]) -> None:
        self._concurrency = concurrency
        self._start = start
        self.unstarted = concurrency
        self.starting = 0
        self.sleeping: list[asyncio.Future[None]] = []
        self.waking = self.yielding = 0

    @property
    def free(self) -> int:
        """The number of idle workers, including those not started yet."""
        return len(self.sleeping) + self.waking + self.unstarted

    def open(self) -> None:
        """Allow workers to start again, after ``close()``."""
        self.unstarted, self.starting = self._concurrency, 0

    def close(self) -> None:
        """Wake all workers, which end if they find no entry, and start no more."""
        self.unstarted = 0
        self.wake_all()

    def resize(self, concurrency: int) -> None:
        """Set the number of workers that ``open()`` allows to start."""
        self._concurrency = concurrency

    def wake_all(self) -> None:
        """Wake all workers; those that find no entry sleep again."""
        while self.sleeping:
            self._wake_one()

    def wake(self, startable: int) -> None:
        """Make sure that a worker will take the ``startable`` entries, if there are any."""
        if startable > 0 and not (self.waking or self.starting or self.yielding):
            self._wake_or_start()

    def wake_more(self, startable: int) -> None:
        """Wake or start two more workers, but no more than there are ``startable`` entries for."""
        for _ in range(min(2, startable - self.waking - self.starting)):
            self._wake_or_start()

    def _wake_or_start(self) -> None:
        if self.sleeping:
            self._wake_one()
        elif self.unstarted:
            self.unstarted -= 1
            self.start()

    def _wake_one(self) -> None:
        waiter = self.sleeping.pop()
        self.waking += 1
        if not waiter.done():
            waiter.set_result(None)

    def start(self) -> None:
        """Start a worker, or the replacement of one."""
        self.starting += 1
        self._start()

    def begin(self) -> None:
        """Record that a started worker runs."""
        self.starting -= 1

    async def sleep(self) -> None:
        """Wait until woken. A worker that is cancelled meanwhile is woken no more."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleeping.append(waiter)
        try:
            await waiter
        except BaseException:
            if waiter in self.sleeping:
                self.sleeping.remove(waiter)
            else:
                self.waking -= 1
            raise
        self.waking -= 1

    async def yield_to_loop(self) -> None:
        """Continue in the next iteration of the event loop; meanwhile no other worker has to be woken."""
        self.yielding += 1
        try:
            await asyncio.sleep(0)
        finally:
            self.yielding -= 1
