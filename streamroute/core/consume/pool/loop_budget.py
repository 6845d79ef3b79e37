"""LoopBudget: how long handlers that never wait may run in one iteration of the event loop."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

_SECONDS: Final = 0.0005
_ITERATIONS: Final = 2  # iterations until the reader has requested more: one to resume, one to send


class LoopBudget:
    """Half a millisecond per loop iteration, shared by all workers; ``end`` is when it ends (``monotonic``).

    With a budget for each worker, one iteration would take the sum of them. ``holder`` is the worker that
    started the last handler: one that finds another after its own handler has waited, and blocked nothing.
    """

    __slots__ = ("_iterations", "end", "holder")

    def __init__(self) -> None:
        self.end = 0.0
        self.holder: object = None
        self._iterations = 0

    def renew(self) -> bool:
        """Start the next budget if the loop has completed its iterations; return whether it has."""
        if self._iterations:
            return False
        self.end = monotonic() + _SECONDS
        self._wait(1)
        return True

    def yield_to_reader(self) -> None:
        """Let the reader request more entries first, so that handlers run while the server answers."""
        self.end = 0.0
        if self._iterations:
            self._iterations = _ITERATIONS
        else:
            self._wait(_ITERATIONS)

    def _wait(self, iterations: int) -> None:
        self._iterations = iterations
        asyncio.get_running_loop().call_soon(self._count_iteration)

    def _count_iteration(self) -> None:
        self._iterations -= 1
        if self._iterations:
            asyncio.get_running_loop().call_soon(self._count_iteration)
