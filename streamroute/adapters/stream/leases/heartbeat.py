"""The heartbeat thread: renews the leases of all streams that are consumed over one client.

It has its own event loop and connections, so that a busy event loop delays no heartbeat, and a handler that
computes for a minute keeps its lease. Streams on different nodes of a cluster do not wait for each other.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, Protocol

from redis.asyncio import ConnectionPool, Redis

from streamroute.adapters.redis.raw_client import clone_for_loop, raw_clients
from streamroute.adapters.stream.loop_calls import CallInLoop, ClientOf, LoopIsClosedError
from streamroute.system.waiting import wait_for_event

__all__ = [
    "CallInLoop",
    "ClientOf",
    "HeartbeatTarget",
    "HeartbeatThread",
    "LoopIsClosedError",
    "LoopMonitor",
    "heartbeat_of",
]

_MAX_CHECK_INTERVAL: Final = 1.0  # maximum seconds between two checks of the handlers' event loop


class HeartbeatTarget(Protocol):
    """One stream in the thread. Its methods are called in the thread, and raise only what they document."""

    tick: float
    """Maximum seconds between two calls of ``is_due``."""
    stall: float
    """Seconds without a response of the event loop after which heartbeats stop."""

    def is_due(self, now: float) -> bool:
        """Whether a heartbeat is due at this time (``time.monotonic``)."""
        ...

    async def beat(self, client_of: ClientOf, call: CallInLoop, silence: float) -> None:
        """Send a heartbeat; the handlers' event loop has not responded for ``silence`` seconds.

        Raises LoopIsClosedError if that loop is closed.
        """
        ...

    async def leave(self, client_of: ClientOf) -> None:
        """Withdraw this worker's lease: it does not consume the stream any more."""
        ...


class HeartbeatThread:
    """Sends heartbeats for every added stream until it is removed.

    ``tick``
        maximum seconds between two checks for due heartbeats.
    ``leave_timeout``
        seconds that the last heartbeat of a stream and the end of its lease may take.
    """

    def __init__(self, *, tick: float = 0.2, leave_timeout: float = 2.0) -> None:
        self._tick = tick
        self._leave_timeout = leave_timeout
        self._streams: list[HeartbeatTarget] = []
        self._members = 0  # streams that were added and are not completely removed
        self._thread: threading.Thread | None = None
        self._turn = asyncio.Lock()  # a thread starts when the one before has ended: they share their state

    async def add(self, stream: HeartbeatTarget, client: Redis) -> None:
        """Start heartbeats for a stream, over connections with the client's settings."""
        self._streams.append(stream)
        self._members += 1
        async with self._turn:
            if self._thread is None:
                self._start(client)
            else:
                self._loop.call_soon_threadsafe(self._look.set)

    async def remove(self, stream: HeartbeatTarget) -> None:
        """Remove a stream and wait for its heartbeat; does nothing if it was not added."""
        if stream not in self._streams:
            return
        self._streams.remove(stream)
        leave = self._leave(stream)
        try:
            leaving = asyncio.run_coroutine_threadsafe(leave, self._loop)
            await asyncio.wait([asyncio.wrap_future(leaving)])
        except RuntimeError:
            leave.close()  # the thread has ended and its loop is closed
        finally:
            self._members -= 1
        async with self._turn:
            if not self._members and self._thread is not None:
                await self._stop()

    def _start(self, client: Redis) -> None:
        self._loop, self._look, self._ended = asyncio.new_event_loop(), asyncio.Event(), asyncio.Event()
        self._pulse = LoopMonitor(asyncio.get_running_loop())
        self._running: dict[HeartbeatTarget, asyncio.Task[None]] = {}
        self._closing = False
        self._thread = threading.Thread(
            target=self._run, args=[client], name="streamroute heartbeat", daemon=True
        )
        self._thread.start()

    async def _stop(self) -> None:
        thread, self._thread = self._thread, None
        self._closing = True
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._look.set)
        # Not joined in the default executor: stuck handlers may occupy all of its threads.
        await self._ended.wait()
        if thread is not None:
            thread.join()

    # In the thread.

    def _run(self, client: Redis) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._beat_until_closed(client))
        finally:
            self._loop.close()
            with suppress(LoopIsClosedError):
                self._pulse.call(self._ended.set)

    async def _beat_until_closed(self, client: Redis) -> None:
        async with clone_for_loop(client) as own_client:
            self._client_of = raw_clients(own_client)
            try:
                while not self._closing:
                    self._beat_where_due()
                    ticks = [self._tick, *(stream.tick for stream in self._streams)]
                    await wait_for_event(self._look, min(ticks))
                    self._look.clear()
            except LoopIsClosedError:
                return
            finally:
                other_tasks = asyncio.all_tasks() - {asyncio.current_task()}
                for task in other_tasks:
                    task.cancel()
                await asyncio.gather(*other_tasks, return_exceptions=True)

    def _beat_where_due(self) -> None:
        streams, now = tuple(self._streams), time.monotonic()
        silence = self._pulse.silence(min([_MAX_CHECK_INTERVAL, *(stream.stall / 10 for stream in streams)]))
        for stream in streams:
            if stream not in self._running and silence <= stream.stall and stream.is_due(now):
                beat = stream.beat(self._client_of, self._pulse.call, silence)
                self._running[stream] = self._loop.create_task(self._finish(stream, beat))

    async def _finish(self, stream: HeartbeatTarget, beat: Coroutine[Any, Any, None]) -> None:
        try:
            await beat
        except LoopIsClosedError:
            self._closing = True
            self._look.set()
        finally:
            del self._running[stream]

    async def _leave(self, stream: HeartbeatTarget) -> None:
        running = self._running.get(stream)
        try:
            async with asyncio.timeout(self._leave_timeout):
                if running is not None:
                    await asyncio.wait([running])
                await stream.leave(self._client_of)
        except TimeoutError:
            if running is not None:
                running.cancel()
                await asyncio.wait([running])


_threads: Final[weakref.WeakKeyDictionary[ConnectionPool, HeartbeatThread]] = weakref.WeakKeyDictionary()


def heartbeat_of(client: Redis) -> HeartbeatThread:
    """Return the thread that all streams of a client's pool share."""
    return _threads.setdefault(client.connection_pool, HeartbeatThread())


class LoopMonitor:
    """Measures how long the event loop of the handlers has not responded."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked = time.monotonic()
        self._answered = True

    def silence(self, every: float) -> float:
        """Return the seconds without a response; checks the loop again every ``every`` seconds."""
        passed = time.monotonic() - self._asked
        if not self._answered:
            return passed
        if passed >= every:
            self._answered, self._asked = False, time.monotonic()
            self.call(self._answer)
        return 0.0

    def call(self, function: Callable[[], None]) -> None:
        """Call a function in the loop; raises LoopIsClosedError if the loop is closed."""
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            raise LoopIsClosedError from None

    def _answer(self) -> None:
        self._answered = True
