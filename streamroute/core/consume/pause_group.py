"""PauseGroup: what all streams of a process do together, so that one of them can run an entry alone.

An entry on its last delivery may kill the process. While it runs, no stream of the process starts anything
else: whatever ran beside it would have a delivery spent, and so would it for what others kill.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Final, Protocol


class Pausable(Protocol):
    """What starts the entries of one stream."""

    @property
    def has_last_delivery(self) -> bool:
        """Whether an entry on its last delivery runs, or is not settled yet."""
        ...

    def pause(self) -> None:
        """Start nothing more until ``resume()``."""
        ...

    def resume(self) -> None:
        """Go on; harmless where nothing is paused."""
        ...

    def wait_idle(self) -> Awaitable[None]:
        """Wait until nothing runs."""
        ...


class PauseGroup:
    """Everything that starts entries in one event loop."""

    def __init__(self) -> None:
        self._members: weakref.WeakSet[Pausable] = weakref.WeakSet()
        self._paused: list[Pausable] | None = None

    def join(self, member: Pausable) -> None:
        """From now on it is paused while another one runs an entry alone, which may be now."""
        self._members.add(member)
        if self._paused is not None:
            self._paused.append(member)
            member.pause()

    def leave(self, member: Pausable) -> None:
        """It starts nothing any more."""
        self._members.discard(member)

    @property
    def runs_last_delivery(self) -> bool:
        """Whether one of them runs an entry alone, waits for that, or has one that is not settled yet."""
        return self._paused is not None or any(member.has_last_delivery for member in self._members)

    @asynccontextmanager
    async def exclusive(self, patience: float) -> AsyncIterator[bool]:
        """Within, nothing is started. Gives whether nothing runs: False after ``patience`` seconds."""
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
    """The peers of the running event loop."""
    return _pause_group.setdefault(asyncio.get_running_loop(), PauseGroup())
