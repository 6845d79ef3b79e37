"""Leases: what a consumer holds is confirmed again and again, from a thread and a connection of its own.

A busy event loop does not delay a heartbeat, and a handler that computes for a minute keeps its entry.
A loop that has not come round for five leases is taken for hung: then the heartbeat pauses, and other
workers take over.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from redis.asyncio import Redis

from streamroute.adapters.replies import text
from streamroute.adapters.scripts import script
from streamroute.adapters.watermark import Watermarks
from streamroute.adapters.wire import separate
from streamroute.exception_text import error_line
from streamroute.incidents import Incident, Incidents
from streamroute.keys import GroupKeys
from streamroute.message import Message

log = logging.getLogger(__name__)

_BATCH: Final = 500  # entries that one script confirms
_STALL: Final = 5  # leases
_NOTE_EVERY: Final = 0.2  # seconds; a group that is lost runs again what was done in this time

Held = Callable[[], Mapping[str, Message]]
Lost = Callable[[Sequence[tuple[str, int]]], None]


class RedisLeaseKeeper:
    """Beats every third of ``lease`` seconds for everything that ``held()`` returns.

    More often than that, it notes in ``watermarks`` how far the group has come.

    ``lost`` is called in the event loop that opened the keeper.
    """

    def __init__(  # noqa: PLR0913 - whose leases, how they are kept, and who is told
        self,
        client: Redis,
        keys: GroupKeys,
        group: str,
        consumer: str,
        *,
        lease: float,
        held: Held,
        lost: Lost,
        watermarks: Watermarks,
        incidents: Incidents,
    ) -> None:
        self._client = client
        self._keys = keys
        self._group = group
        self._consumer = consumer
        self._lease = lease
        self._held = held
        self._lost = lost
        self._watermarks = watermarks
        self._incidents = incidents
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Start the thread; the first beat is at once."""
        self._pulse = _Pulse(asyncio.get_running_loop(), stall=_STALL * self._lease)
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="streamroute heartbeat", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """End the thread and wait for it."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        with suppress(RuntimeError):  # its loop is closed: it has ended by itself
            self._loop.call_soon_threadsafe(self._closing.set)
        # Not joined in the default executor: handlers that never return may have all of its threads.
        await self._ended.wait()
        thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._beat_until_closed())
        finally:
            self._loop.close()
            with suppress(_LoopIsClosedError):
                self._pulse.call(self._ended.set)

    async def _beat_until_closed(self) -> None:
        works, due = True, 0.0
        async with separate(self._client) as client:
            while not self._closing.is_set():
                try:
                    if self._pulse.is_there():
                        if time.monotonic() >= due:
                            await self._beat(client)
                            due = time.monotonic() + self._lease / 3
                        await self._watermarks.note(client, self._keys, self._group)
                    works = self._report(works, None)
                except _LoopIsClosedError:
                    return
                except Exception as error:  # noqa: BLE001 - whatever fails, the next beat may work
                    works, due = self._report(works, error), 0.0
                await _wait(self._closing, min(_NOTE_EVERY, self._lease / 6) if works else self._lease / 10)

    async def _beat(self, client: Redis) -> None:
        held = self._held()
        for key in (self._keys.stream, self._keys.retry):
            entries = [(name, message) for name, message in held.items() if message.held_in == key]
            for start in range(0, len(entries), _BATCH):
                await self._confirm(client, key, entries[start : start + _BATCH])
        if not held:
            await self._confirm(client, self._keys.stream, [])  # the lease in force is noted all the same

    async def _confirm(self, client: Redis, key: str, entries: list[tuple[str, Message]]) -> None:
        tokens = {message.entry_id: (name, message, message.deliveries) for name, message in entries}
        arguments: list[str | int] = [self._group, self._consumer, int(self._lease * 1000)]
        for entry_id, (_, _, deliveries) in tokens.items():
            arguments += [entry_id, deliveries]
        now, lost, deleted = await script("heartbeat").run(client, [key, self._keys.meta], arguments)
        gone = [tokens.pop(text(entry_id)) for entry_id in lost]
        for _, message, _ in tokens.values():
            message.fresh = now
        for entry_id in deleted:
            said = "the entry %s of %s was deleted while it was pending"
            self._incidents.tell(Incident.DELETED, self._keys.stream, said, text(entry_id), key)
        if gone:
            self._pulse.call(lambda: self._lost([(name, deliveries) for name, _, deliveries in gone]))

    def _report(self, worked: bool, error: Exception | None) -> bool:
        """Tell when heartbeats begin to fail and when they work again; returns whether they work."""
        stream = self._keys.stream
        if worked and error is not None:
            said = "heartbeats of %s fail, trying again until they work: %s"
            self._incidents.tell(Incident.OUTAGE, stream, said, stream, error_line(error))
        elif error is None and not worked:
            log.warning("heartbeats of %s work again", stream)
        return error is None


class _LoopIsClosedError(Exception):
    """The event loop that opened the keeper has ended without closing it."""


class _Pulse:
    """Whether the event loop that runs the handlers still comes round."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stall: float) -> None:
        self._loop = loop
        self._stall = stall
        self._asked = 0.0
        self._answered = True

    def is_there(self) -> bool:
        """Whether it has answered within ``stall`` seconds; asks it again."""
        if self._answered:
            self._answered = False
            self._asked = time.monotonic()
            self.call(self._answer)
        return time.monotonic() - self._asked <= self._stall

    def call(self, function: Callable[[], None]) -> None:
        """Call a function in the loop."""
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            raise _LoopIsClosedError from None

    def _answer(self) -> None:
        self._answered = True


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
