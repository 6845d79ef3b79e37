"""The heartbeat thread: keeps the leases of all streams that are consumed over one client.

It has an event loop and connections of its own: a busy event loop delays no heartbeat, and a handler that
computes for a minute keeps its entry. Streams at different nodes of a cluster do not wait for each other.
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
from streamroute.system.waiting import wait_for_event

_TICK: Final = 0.2  # seconds between looks at what is due, at most
_ASK: Final = 1.0  # seconds between questions to the event loop that runs the handlers, at most
_LEAVING: Final = 2.0  # seconds that the last word of a stream may take

ClientOf = Callable[[str], Redis]
CallInLoop = Callable[[Callable[[], None]], None]
"""Calls a function in the event loop that runs the handlers."""


class LoopIsClosedError(Exception):
    """Raised where the event loop that runs the handlers has ended without closing its heartbeats."""


class HeartbeatTarget(Protocol):
    """What the thread does for one stream. All of it is called in the thread, and raises nothing else."""

    tick: float
    """Seconds within which it wants to be asked again."""
    stall: float
    """Seconds of silence after which it does nothing any more."""

    def is_due(self, now: float) -> bool:
        """Whether there is something to do at this time (``time.monotonic``)."""
        ...

    async def beat(self, client_of: ClientOf, call: CallInLoop, silence: float) -> None:
        """Do it; ``silence`` is for how many seconds the event loop of the handlers has not come round.

        Raises LoopIsClosedError where it has ended.
        """
        ...

    async def leave(self, client_of: ClientOf) -> None:
        """Do what is to be done when the stream is consumed here no longer."""
        ...


class HeartbeatThread:
    """Beats for every stream that was added, until each was removed."""

    def __init__(self) -> None:
        self._streams: list[HeartbeatTarget] = []
        self._members = 0  # streams that were added and have not left
        self._thread: threading.Thread | None = None

    async def add(self, stream: HeartbeatTarget, client: Redis) -> None:
        """Beat for this stream from now on, on connections like the client's."""
        self._streams.append(stream)
        self._members += 1
        if self._thread is None:
            self._start(client)
        else:
            self._loop.call_soon_threadsafe(self._look.set)

    async def remove(self, stream: HeartbeatTarget) -> None:
        """When it returns, nothing is done for the stream any more; harmless for one that is not there."""
        if stream not in self._streams:
            return
        self._streams.remove(stream)
        leave = self._leave(stream)
        try:
            leaving = asyncio.run_coroutine_threadsafe(leave, self._loop)
            await asyncio.wait([asyncio.wrap_future(leaving)])
        except RuntimeError:
            leave.close()  # the thread has ended, and its loop is closed
        finally:
            self._members -= 1
        if not self._members:
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
        # Not joined in the default executor: handlers that never return may have all of its threads.
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
        async with clone_for_loop(client) as own:
            self._client_of = raw_clients(own)
            try:
                while not self._closing:
                    self._beat_where_due()
                    await wait_for_event(self._look, min([_TICK, *(stream.tick for stream in self._streams)]))
                    self._look.clear()
            except LoopIsClosedError:
                return
            finally:
                others = asyncio.all_tasks() - {asyncio.current_task()}
                for task in others:
                    task.cancel()
                await asyncio.gather(*others, return_exceptions=True)

    def _beat_where_due(self) -> None:
        streams, now = tuple(self._streams), time.monotonic()
        silence = self._pulse.silence(min([_ASK, *(stream.stall / 10 for stream in streams)]))
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
            async with asyncio.timeout(_LEAVING):
                if running is not None:
                    await asyncio.wait([running])
                await stream.leave(self._client_of)
        except TimeoutError:
            if running is not None:
                running.cancel()
                await asyncio.wait([running])


_threads: Final[weakref.WeakKeyDictionary[ConnectionPool, HeartbeatThread]] = weakref.WeakKeyDictionary()


def heartbeat_of(client: Redis) -> HeartbeatThread:
    """The thread that all streams of a client share."""
    return _threads.setdefault(client.connection_pool, HeartbeatThread())


class LoopMonitor:
    """Whether the event loop that runs the handlers still comes round."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked = time.monotonic()
        self._answered = True

    def silence(self, every: float) -> float:
        """For how many seconds it has not answered; asks it again ``every`` so many seconds."""
        passed = time.monotonic() - self._asked
        if not self._answered:
            return passed
        if passed >= every:
            self._answered, self._asked = False, time.monotonic()
            self.call(self._answer)
        return 0.0

    def call(self, function: Callable[[], None]) -> None:
        """Call a function in the loop; raises LoopIsClosedError where it has ended."""
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            raise LoopIsClosedError from None

    def _answer(self) -> None:
        self._answered = True
