"""Flush timer: all streams of an event loop that wait for the same delay are woken together.

What they send then shares a round trip, and one timer serves hundreds of streams.
"""

from __future__ import annotations

import asyncio
from typing import Final
from weakref import WeakKeyDictionary


class FlushTimer:
    """Sets every event that was added, ``delay`` seconds after the first of them."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._events: dict[asyncio.Event, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, event: asyncio.Event) -> None:
        """Set the event within ``delay`` seconds."""
        self._events[event] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._delay, self._fire)

    def discard(self, event: asyncio.Event) -> None:
        """Do not set the event. Without any other, the next one that is added waits for the whole delay."""
        self._events.pop(event, None)
        if not self._events and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        events, self._events, self._timer = self._events, {}, None
        for event in events:
            event.set()


_timers: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, dict[float, FlushTimer]]] = WeakKeyDictionary()


def flush_timer_of_loop(delay: float) -> FlushTimer:
    """Return the timer that all users of this delay share in the running event loop."""
    timers = _timers.setdefault(asyncio.get_running_loop(), {})
    return timers.setdefault(delay, FlushTimer(delay))
