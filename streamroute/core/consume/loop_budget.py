"""LoopBudget: how long handlers that never wait may keep the event loop from turning."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

_SECONDS: Final = 0.0005
_TURNS: Final = 2  # of the loop, until the reader has asked for more: one to resume, one to send


class LoopBudget:
    """Half a millisecond a turn of the loop, for all workers; ``end`` is when it is over (``monotonic``).

    Were it one for each worker, a turn of the loop would take as many.
    """

    __slots__ = ("_turns", "end")

    def __init__(self) -> None:
        self.end = 0.0
        self._turns = 0

    def renew(self) -> bool:
        """Begin the next, if the loop has turned as it should; returns whether it has."""
        if self._turns:
            return False
        self.end = monotonic() + _SECONDS
        self._wait(1)
        return True

    def yield_to_reader(self) -> None:
        """Let the reader ask for more entries first: handlers then run while the server answers."""
        self.end = 0.0
        if self._turns:
            self._turns = _TURNS
        else:
            self._wait(_TURNS)

    def _wait(self, turns: int) -> None:
        self._turns = turns
        asyncio.get_running_loop().call_soon(self._turned)

    def _turned(self) -> None:
        self._turns -= 1
        if self._turns:
            asyncio.get_running_loop().call_soon(self._turned)
