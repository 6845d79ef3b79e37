"""Computing: the expensive work that visitors ask for, one after the other, each for a bounded time."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final

from streamroute.board.errors import BoardBusyError

_MOST_WAITING: Final = 16
"""Visitors in the line; a request goes on when its browser has left, and would wait for nobody."""
_PATIENCE: Final = 20.0  # seconds in the line
_LONGEST: Final = 20.0  # seconds of one computation


class Computing:
    """Async context manager: the block runs when no other does.

    Raises BoardBusyError if too many visitors wait, one waits too long, or the block takes too long: the
    cause may be what the visitor asked for, or a Redis that does not answer.
    """

    def __init__(
        self, *, most_waiting: int = _MOST_WAITING, patience: float = _PATIENCE, longest: float = _LONGEST
    ) -> None:
        self._most_waiting = most_waiting
        self._patience = patience
        self._longest = longest
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._limit: asyncio.Timeout | None = None  # of the block that runs

    async def __aenter__(self) -> None:
        if self._waiting >= self._most_waiting:
            raise BoardBusyError("the board is busy with other visitors: try again in a minute")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._turn.acquire()
        except TimeoutError:
            raise BoardBusyError("the board is busy with other visitors: try again in a minute") from None
        finally:
            self._waiting -= 1
        self._limit = asyncio.timeout(self._longest)
        await self._limit.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        limit, self._limit = self._limit, None
        try:
            if limit is not None:
                await limit.__aexit__(kind, error, trace)
        except TimeoutError:
            raise BoardBusyError("this takes too long on the board: use the command line") from None
        finally:
            self._turn.release()
