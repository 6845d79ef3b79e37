"""The stop deadline: ends a stopping process after a time limit, even if a handler is stuck."""

from __future__ import annotations

import logging
import os
import threading
import time
from queue import SimpleQueue
from typing import Final

from streamroute.cli.output.logging import log_at_once
from streamroute.cli.process.exit_codes import ExitCode

_LOG_TIMEOUT: Final = 1.0  # seconds to write the last line: a full pipe may block stderr


class StopDeadline:
    """Ends the process with exit code 1 after ``seconds`` from ``begin()``, unless it has ended before.

    ``seconds`` may be changed until then.

    Uses a separate thread: a handler may block the event loop, or the cleanup after it.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._started: SimpleQueue[None] = SimpleQueue()
        threading.Thread(target=self._run, name="streamroute deadline", daemon=True).start()

    def begin(self) -> None:
        """Start the countdown; may be called in a signal handler."""
        self._started.put(None)

    def _run(self) -> None:
        self._started.get()
        time.sleep(self.seconds)
        logger = threading.Thread(target=self._log_expiry, daemon=True)
        logger.start()
        logger.join(_LOG_TIMEOUT)
        os._exit(ExitCode.FOUND)

    def _log_expiry(self) -> None:
        message = "not stopped after %g s; exiting immediately, unfinished entries stay pending"
        log_at_once(logging.ERROR, message % self.seconds)
