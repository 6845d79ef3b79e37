"""Breath: how long handlers that never wait may keep the event loop from turning."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

_SECONDS: Final = 0.001


class Breath:
    """A millisecond a turn of the loop, for all workers together; ``end`` is when it is over (``monotonic``).

    Were it one for each worker, a turn of the loop would take as many.
    """

    __slots__ = ("_has_turned", "end")

    def __init__(self) -> None:
        self.end = 0.0
        self._has_turned = True

    def draw(self) -> bool:
        """Begin the next, if the loop has turned since the last began; returns whether it has."""
        if not self._has_turned:
            return False
        self._has_turned = False
        self.end = monotonic() + _SECONDS
        asyncio.get_running_loop().call_soon(self._turned)
        return True

    def cut(self) -> None:
        """Let the loop turn now."""
        self.end = 0.0

    def _turned(self) -> None:
        self._has_turned = True
