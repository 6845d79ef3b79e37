"""Idle workers: those that wait for entries, and those that were not needed so far.

A worker that takes an entry wakes two idle ones if more entries are queued, so that handlers that wait run
concurrently at once, and handlers that do not wait cost few wake-ups. A worker is started when it is first
needed: an idle stream has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class IdleWorkers:
    """At most ``concurrency`` workers; ``start`` starts one more, which calls ``begin()`` first.

    ``starting`` is the number of started workers that do not run yet; ``waking`` are woken ones that do not.
    """

    __slots__ = ("_concurrency", "_start", "sleeping", "starting", "unstarted", "waking")

    def __init__(self, concurrency: int, start: Callable[[], None]) -> None:
        self._concurrency = concurrency
        self._start = start
        self.unstarted = concurrency
        self.starting = 0
        self.sleeping: list[asyncio.Future[None]] = []
        self.waking: set[asyncio.Future[None]] = set()

    @property
    def free(self) -> int:
        """The number of idle workers, including those not started yet."""
        return len(self.sleeping) + len(self.waking) + self.unstarted

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
        """Wake or start up to two workers, but no more than there are ``startable`` entries."""
        for _ in range(min(2, startable)):
            if self.sleeping:
                self._wake_one()
            elif self.unstarted:
                self.unstarted -= 1
                self.start()

    def _wake_one(self) -> None:
        waiter = self.sleeping.pop()
        self.waking.add(waiter)
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
            raise
        finally:
            self.waking.discard(waiter)
