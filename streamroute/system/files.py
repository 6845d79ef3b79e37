"""Read files by untrusted names: regular files only, of bounded size, below one folder.

A configuration refers to files by path, and a checkout may contain links. Neither may make a command read a
device, wait for a pipe, exhaust memory, or show a file from elsewhere on the machine. All files that a
configuration names are read with this module.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

MAX_BYTES: Final = 10_000_000
"""Maximum size of one file."""

MAX_TOTAL: Final = 50_000_000
"""Maximum total size of the files of one configuration."""

VCS_FOLDERS: Final = frozenset({".git", ".hg", ".jj", ".svn"})
"""Version control folders at the top of a checkout."""

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_CHUNK: Final = 1 << 20
_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFLNK: "a link",
}
_STEP: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
"""Flags for opening a folder on the path; ``O_PATH`` does not require permission to list it."""


class RefusedFileError(OSError):
    """Raised for a file that is refused, whatever its permissions; ``strerror`` is the reason."""

    number: int = errno.EPERM

    def __init__(self, reason: str) -> None:
        super().__init__(self.number, reason)


class OutsideFolderError(RefusedFileError):
    """Raised for a file whose real path is not below the allowed folder."""


class NotRegularError(RefusedFileError):
    """Raised for a device, a pipe or a socket."""

    number = errno.EINVAL


class FileTooLargeError(RefusedFileError):
    """Raised for a file larger than the limit."""

    number = errno.EFBIG

    @classmethod
    def of(cls, limit: int, what: str = "the file is", where: str = "") -> Self:
        """Return the error for content of more bytes than a limit."""
        return cls(f"{what} larger than {limit / 1_000_000:g} MB{where}")


class TotalTooLargeError(FileTooLargeError):
    """Raised for a file that makes all files together exceed the total limit."""


class FileReader:
    """Reads the files of one configuration; their real paths must be below ``folder`` (None: anywhere).

    ``total`` is the maximum number of bytes read in all; ``what`` names the files in its error.

    Version control folders count as outside, since they may contain credentials of a CI. Hard links are not
    detected: version control does not create them.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        total: int = MAX_TOTAL,
        what: str = "the files of the configuration",
    ) -> None:
        self.folder = None if folder is None else os.path.realpath(folder)
        self._what = what
        self._total = total
        self._left = total

    def allows(self, path: str | Path) -> bool:
        """Whether the real path, with links resolved, is below the folder.

        A path that no file can have (with a NUL character) is allowed: it leads nowhere.
        """
        if self.folder is None or "\0" in os.fspath(path):
            return True
        return self._inside(os.path.realpath(path)) is not None

    def read(self, path: str | Path, limit: int = MAX_BYTES) -> bytes:
        """Return the content of a file.

        Raises RefusedFileError if it is outside, not regular or too large, and OSError or ValueError if it
        does not exist or cannot be read.
        """
        limit = min(limit, self._left)
        try:
            content = content_of(self._open(path), limit)
        except FileTooLargeError:
            if limit < self._left or self._left == self._total:
                raise
            raise TotalTooLargeError.of(self._total, f"{self._what} are", " together") from None
        self._left -= len(content)
        return content

    @contextmanager
    def opened(self, path: str | Path) -> Iterator[int]:
        """Yield a descriptor of a folder, which stays valid if its path changes meanwhile.

        Raises OutsideFolderError if the folder is not below the reader's folder.
        """
        parts = self._inside(os.path.realpath(path))
        if parts is None:
            raise OutsideFolderError("it is outside the configuration folder")
        descriptor = _open_folder(self.folder or os.sep, parts)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open(self, path: str | Path) -> int:
        if self.folder is None:
            return open_anywhere(path)
        real = os.path.realpath(path)
        parts = self._inside(real)
        if parts is None:
            raise OutsideFolderError("the file is outside the configuration folder")
        return open_below(self.folder, parts)

    def _inside(self, real: str) -> list[str] | None:
        """Return the parts of a real path relative to the folder; None if outside or in version control."""
        folder = self.folder or os.sep
        if real == folder:
            return []
        top = folder if folder.endswith(os.sep) else folder + os.sep
        parts = list(Path(real[len(top) :]).parts) if real.startswith(top) else None
        return None if parts is None or in_vcs_folder(parts) else parts


def in_vcs_folder(parts: Iterable[str]) -> bool:
    """Whether a path contains a version control folder, such as ``.git``."""
    return not VCS_FOLDERS.isdisjoint(map(str.lower, parts))


def open_anywhere(path: str | Path) -> int:
    """Open a file, following links; return its descriptor. Raises as ``FileReader.read`` does."""
    _refuse_special(os.stat(path))  # noqa: PTH116 - pathlib raises other errors for odd paths
    return _regular(os.open(path, _FLAGS))


def open_below(folder: str, parts: list[str]) -> int:
    """Open a file by its path parts below a folder; return its descriptor.

    Links are not followed, since one may have been created after the path was resolved. Raises as
    ``FileReader.read`` does.
    """
    parent = _open_folder(folder, parts[:-1])
    try:
        name = parts[-1] if parts else os.curdir
        _refuse_special(os.stat(name, dir_fd=parent, follow_symlinks=False))
        return _regular(os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=parent))
    finally:
        os.close(parent)


def _open_folder(folder: str, parts: list[str]) -> int:
    current = os.open(folder, _STEP)
    for name in parts:
        try:
            child = os.open(name, _STEP, dir_fd=current)
        finally:
            os.close(current)
        current = child
    return current


def content_of(descriptor: int, limit: int = MAX_BYTES) -> bytes:
    """Read a descriptor and close it. Raises FileTooLargeError if it holds more than ``limit`` bytes."""
    with open(descriptor, "rb", buffering=0) as stream:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_size > limit:
            raise FileTooLargeError.of(limit)
        parts: list[bytes] = []
        remaining = limit + 1
        while remaining and (part := stream.read(min(remaining, _CHUNK))):
            parts.append(part)
            remaining -= len(part)
    if not remaining:
        raise FileTooLargeError.of(limit)
    return b"".join(parts)


def _regular(descriptor: int) -> int:
    try:
        _refuse_special(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def file_type_name(mode: int) -> str:
    """Return the type of a file in words, by its mode; empty for a regular file."""
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "a device")


def _refuse_special(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    file_type = file_type_name(status.st_mode)
    if file_type:
        raise NotRegularError(f"it is {file_type}, not a file")
