"""PauseGroup: all streams of a process pause while one of them runs an entry alone.

An entry on its last delivery may kill the process. While it runs, no stream of the process starts other
entries: a crash would cost each of them a delivery, and a crash caused by them would cost this entry its
last one.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Final, Protocol


class Pausable(Protocol):
    """A component that starts the entries of one stream."""

    @property
    def has_last_delivery(self) -> bool:
        """Whether an entry on its last delivery is running or not settled yet."""
        ...

    def pause(self) -> None:
        """Start no more entries until ``resume()``."""
        ...

    def resume(self) -> None:
        """Start entries again; does nothing if not paused."""
        ...

    def wait_idle(self) -> Awaitable[None]:
        """Wait until no entry is running."""
        ...


class PauseGroup:
    """All components that start entries in one event loop."""

    def __init__(self) -> None:
        self._members: weakref.WeakSet[Pausable] = weakref.WeakSet()
        self._paused: list[Pausable] | None = None

    def join(self, member: Pausable) -> None:
        """Add a member, paused at once if another member runs an entry alone now."""
        self._members.add(member)
        if self._paused is not None:
            self._paused.append(member)
            member.pause()

    def leave(self, member: Pausable) -> None:
        """Remove a member that starts no more entries."""
        self._members.discard(member)

    def is_paused(self, member: Pausable) -> bool:
        """Whether the group has paused this member."""
        return self._paused is not None and member in self._paused

    @property
    def runs_last_delivery(self) -> bool:
        """Whether a member runs an entry alone, waits to do so, or has not settled a last delivery yet."""
        return self._paused is not None or any(member.has_last_delivery for member in self._members)

    @asynccontextmanager
    async def exclusive(self, patience: float) -> AsyncIterator[bool]:
        """Pause all members inside the block; yield whether all were idle within ``patience`` seconds."""
        self._paused = paused = list(self._members)
        try:
            for member in paused:
                member.pause()
            try:
                async with asyncio.timeout(patience):
                    for member in list(paused):
                        await member.wait_idle()
            except TimeoutError:
                yield False
            else:
                yield True
        finally:
            self._paused = None
            for member in paused:
                member.resume()


_pause_group: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, PauseGroup]] = (
    weakref.WeakKeyDictionary()
)


def pause_group_of_loop() -> PauseGroup:
    """Return the pause group of the running event loop."""
    return _pause_group.setdefault(asyncio.get_running_loop(), PauseGroup())
