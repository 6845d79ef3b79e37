"""Watch the files of a configuration by polling: it works for every file system, link and editor."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from streamroute.logs.exception_text import error_line
from streamroute.ops.reload.watched_files import Signatures, Watched, WatchedFiles, WatchedTogether

log = logging.getLogger(__name__)

INTERVAL: Final = 0.25
"""Seconds between two looks at the files."""

_REREAD: Final = 5.0  # seconds between two comparisons of contents: signatures can miss a change
_SHARE: Final = 20  # looking takes at most one part of so many of a core, also with thousands of files
_LONGEST_PAUSE: Final = 5.0  # seconds
_RESTLESS_LOOKS: Final = 8  # after so many the contents are compared although files still change
_LAST_STEPS: Final = 2.0  # seconds to wait for the thread at the end; a network file system may hang


class FileWatcher:
    """Calls ``on_change`` in a thread of its own when files differ from those that were read.

    Several changes at once are one: two looks in a row must agree, unless files never come to rest. The same
    state is reported once.
    """

    def __init__(
        self, on_change: Callable[[], None], *, interval: float = INTERVAL, reread: float = _REREAD
    ) -> None:
        self._on_change = on_change
        self._interval = interval
        self._reread = reread
        self._files: Watched = WatchedFiles()
        self._latest: Signatures | None = None
        self._compared: tuple[Watched, Signatures] | None = None
        self._reported: Watched | None = None
        self._next_reading = 0.0
        self._restless = 0
        self._has_failed = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="streamroute watch", daemon=True)

    def watch(self, files: Watched) -> None:
        """Watch these files from now on; may be called in any thread.

        They are compared with the disk soon, since they may have changed after they were read.
        """
        self._files = files

    def watch_also(self, files: Watched) -> None:
        """Watch further files until the next call of ``watch``."""
        self._files = WatchedTogether((self._files, files))

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_LAST_STEPS)

    @contextmanager
    def watching(self, files: Watched) -> Iterator[None]:
        """Watch these files, and those of ``watch``, inside the block."""
        self.watch(files)
        self.start()
        try:
            yield
        finally:
            self.close()

    def _run(self) -> None:
        pause = self._interval
        while not self._stop.wait(pause):
            started = time.thread_time()  # on a busy machine the time by the clock would tell nothing
            self._try_look()
            pause = min(max(self._interval, _SHARE * (time.thread_time() - started)), _LONGEST_PAUSE)

    def _try_look(self) -> None:
        """Look once; an exception is logged, and the next look follows: user code may patch anything."""
        try:
            self.look()
        except Exception as error:  # noqa: BLE001 - logged
            if not self._has_failed:
                log.error("could not look for changed files; trying again: %s", error_line(error))
            self._has_failed = True
        else:
            self._has_failed = False

    def look(self) -> None:
        """Look once at the files, and report a change that has come to rest, or does not for long."""
        files = self._files
        signatures, before = files.signatures(), self._latest
        self._latest = signatures
        self._restless = 0 if signatures == before else self._restless + 1
        is_due = self._restless % _RESTLESS_LOOKS == 0
        if is_due and not self._is_compared(files, signatures):
            self._compared = files, signatures
            self._compare(files)

    def _is_compared(self, files: Watched, signatures: Signatures) -> bool:
        """Whether the contents were compared since the files or their signatures changed, and lately."""
        if self._compared is None or time.monotonic() >= self._next_reading:
            return False
        return self._compared[0] is files and self._compared[1] == signatures

    def _compare(self, files: Watched) -> None:
        started = time.monotonic()
        current = files.now()
        took = time.monotonic() - started
        self._next_reading = time.monotonic() + max(self._reread, 2 * _SHARE * took)
        if current == files:
            self._reported = None
        elif current != self._reported:
            self._reported = current
            self._on_change()
