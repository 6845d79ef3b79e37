"""Background: work that an action starts, and that goes on after its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

from streamroute.board.errors import BoardBusyError
from streamroute.errors import StreamrouteError
from streamroute.logs.exception_text import error_line

log = logging.getLogger(__name__)

_MOST: Final = 4


class Background:
    """Runs at most four works at a time; one that fails is a line in the log.

    At the end of the process they are cancelled: a job can then be resumed.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._held = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place inside the block, for a work that is started at its end.

        Raises BoardBusyError if too many works run: then nothing has been prepared for it.
        """
        if len(self._tasks) + self._held >= _MOST:
            raise BoardBusyError("too many actions are running: wait until one of them has ended")
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    def start(self, work: Coroutine[Any, Any, None], what: str) -> None:
        """Start a work for which there is a place; ``what`` names it in the log."""
        task = asyncio.create_task(self._run(work, what))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Coroutine[Any, Any, None], what: str) -> None:
        try:
            await work
        except StreamrouteError as error:
            log.error("%s failed: %s", what, error)
        except Exception as error:
            log.error("%s failed: %s", what, error_line(error), exc_info=error)
