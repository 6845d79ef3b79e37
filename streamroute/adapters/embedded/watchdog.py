"""The watchdog: restarts an embedded server that has ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from streamroute.errors import EmbeddedServerError

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

_LOOK_EVERY: Final = 0.25  # seconds
_AFTER_FAILURE: Final = 5.0


class Watchdog:
    """Calls ``restart`` periodically in a thread, until ``end()``; it returns whether it acted.

    The thread is not from the event loop's executor: stuck handlers may occupy all of its threads.
    """

    def __init__(self, folder: Path, restart: Callable[[], bool]) -> None:
        self._folder = folder
        self._restart = restart
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="streamroute embedded server", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop, and wait for a call in progress."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        failed = False
        while not self._ended.wait(_AFTER_FAILURE if failed else _LOOK_EVERY):
            try:
                if self._restart():
                    _log.warning("the embedded server on %s had ended; it was restarted", self._folder)
                failed = False
            except (OSError, EmbeddedServerError) as error:
                if not failed:
                    _log.error("the embedded server on %s has ended: %s", self._folder, error)
                failed = True
