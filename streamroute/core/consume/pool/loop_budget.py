"""LoopBudget: how long handlers that never wait may run in one iteration of the event loop."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

_SECONDS: Final = 0.0005
_TURNS: Final = 2  # iterations until the reader has requested more: one to resume, one to send


class LoopBudget:
    """Half a millisecond per loop iteration, shared by all workers; ``end`` is when it ends (``monotonic``).

    With a budget for each worker, one iteration would take the sum of them.
    """

    __slots__ = ("_turns", "end")

    def __init__(self) -> None:
        self.end = 0.0
        self._turns = 0

    def renew(self) -> bool:
        """Start the next budget if the loop has completed its iterations; return whether it has."""
        if self._turns:
            return False
        self.end = monotonic() + _SECONDS
        self._wait(1)
        return True

    def yield_to_reader(self) -> None:
        """Let the reader request more entries first, so that handlers run while the server answers."""
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
