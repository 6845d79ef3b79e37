"""A file lock that the kernel releases when the process ends (flock(2))."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """One holder of a file's lock; two instances are two holders, even within one process.

    No method blocks, and the file is never deleted. A change between shared and exclusive is not atomic, and
    needs another lock around it. The methods raise OSError if the file cannot be opened.
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
            # Another process may have created a link or a pipe at this path.
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self._descriptor = os.open(self.path, flags, 0o600)
            self._owner = os.getpid()
        return self._descriptor

    def is_current(self) -> bool:
        """Whether the path still refers to the locked file, that is, the folder was not deleted."""
        try:
            current = self.path.stat()
        except OSError:
            return False
        return os.path.samestat(current, os.fstat(self.descriptor()))

    def release(self) -> None:
        """Release the lock, also in forked children that share the file; does nothing if it is not held."""
        if self._descriptor is not None and self._owner == os.getpid():
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self.close()

    def close(self) -> None:
        """Close the file without unlocking it: a process that inherited it keeps the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _try(self, operation: int) -> bool:
        try:
            fcntl.flock(self.descriptor(), operation | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
