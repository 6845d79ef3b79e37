"""A file lock that the kernel releases when its holder dies (flock(2))."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """One holder of the lock of one file; two instances are two holders, also within one process.

    No method blocks, and the file is never deleted. A change between shared and exclusive may lose the lock
    for a moment, and needs another lock around it. Raises OSError if the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._owner = 0

    def try_shared(self) -> bool:
        """Take the lock shared; False if another holder has it exclusively."""
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Take the lock exclusively; False if another holder has it."""
        return self._try(fcntl.LOCK_EX)

    def descriptor(self) -> int:
        """Return the open file; a process that inherits it holds the lock for as long as it lives."""
        if self._descriptor is None:
            # A file put there by someone else may be a link or a pipe.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self._descriptor = os.open(self.path, flags, 0o600)
            self._owner = os.getpid()
        return self._descriptor

    def is_current(self) -> bool:
        """Whether the path still refers to the locked file: the folder was not deleted."""
        try:
            there = self.path.stat()
        except OSError:
            return False
        return os.path.samestat(there, os.fstat(self.descriptor()))

    def release(self) -> None:
        """Release the lock, also for a forked child that shares the file; harmless when nothing is held."""
        if self._descriptor is not None and self._owner == os.getpid():
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self.close()

    def close(self) -> None:
        """Close the file only: a process that inherited it keeps the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _try(self, operation: int) -> bool:
        try:
            fcntl.flock(self.descriptor(), operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
