"""Deadline: a process that was told to stop ends within a bound, whatever its handlers do."""

from __future__ import annotations

import logging
import os
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from streamroute.cli.output.logging import log_at_once
from streamroute.cli.process.exit_codes import ExitCode

if TYPE_CHECKING:
    from streamroute.config.document import Document

_BEYOND_GRACE: Final = 15.0  # seconds in which outcomes are written and everything is closed
_PATIENCE: Final = 1.0  # seconds that the last line has: nobody may be reading stderr


def max_stop_seconds(document: Document) -> float:
    """The seconds from a signal until ``serve`` has ended."""
    graces = [stream.grace for stream in document.streams.values() if document.served(stream.name)]
    return max(graces, default=0.0) + _BEYOND_GRACE


class StopDeadline:
    """Ends the process with 1 when ``seconds`` have passed since ``begin()``, unless it has ended by itself.

    A thread of its own does that: a handler may block the event loop, or whatever is closed after it.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: SimpleQueue[None] = SimpleQueue()
        threading.Thread(target=self._run, name="streamroute deadline", daemon=True).start()

    def begin(self) -> None:
        """Let the time run; fit for a signal handler."""
        self._begun.put(None)

    def _run(self) -> None:
        self._begun.get()
        time.sleep(self._seconds)
        last_words = threading.Thread(target=self._say, daemon=True)
        last_words.start()
        last_words.join(_PATIENCE)
        os._exit(ExitCode.FOUND)

    def _say(self) -> None:
        said = "not finished %g s after the stop began; ended at once, unfinished entries stay pending"
        log_at_once(logging.ERROR, said % self._seconds)
