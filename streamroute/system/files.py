"""Read files by untrusted names: regular files only, of bounded size, below one folder.

A configuration names files by path, and a checkout may hold links. Neither may make a command read a
device, wait for a pipe, fill the memory, or show a file from elsewhere on the machine. Every file that a
configuration names is read here.
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
"""The size of the largest file that is read."""

MAX_TOTAL: Final = 50_000_000
"""How much the files of one configuration may hold together."""

VCS_FOLDERS: Final = frozenset({".git", ".hg", ".jj", ".svn"})
"""Folders of version control, at the top of a checkout."""

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_CHUNK: Final = 1 << 20
_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFLNK: "a link",
}
_STEP: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
"""How a folder on the way is opened: with ``O_PATH``, it need not be one whose names may be listed."""


class RefusedFileError(OSError):
    """Raised for a file that is not read, whatever its permissions; ``strerror`` says why."""

    number: int = errno.EPERM

    def __init__(self, reason: str) -> None:
        super().__init__(self.number, reason)


class OutsideFolderError(RefusedFileError):
    """Raised for a file that does not really lie below the folder that it may be in."""


class NotRegularError(RefusedFileError):
    """Raised for a device, a pipe or a socket."""

    number = errno.EINVAL


class FileTooLargeError(RefusedFileError):
    """Raised for a file that holds more than is read of one."""

    number = errno.EFBIG

    @classmethod
    def of(cls, limit: int, what: str = "the file is", where: str = "") -> Self:
        """The error for what holds more bytes than a limit."""
        return cls(f"{what} larger than {limit / 1_000_000:g} MB{where}")


class TotalTooLargeError(FileTooLargeError):
    """Raised for a file with which all of them together hold more than is read."""


class FileReader:
    """Reads the files of one configuration; ``folder`` is where they must really lie, None for anywhere.

    ``total`` is how many bytes it reads in all, ``what`` names them.

    What version control keeps of its own counts as outside: it may hold what a CI logs in with. Hard links
    are not told from the files that they are: no version control makes them.
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
        """Whether a path really leads to a place below the folder, whatever links it goes through.

        One that no file can have leads nowhere, and so not out.
        """
        if self.folder is None or "\0" in os.fspath(path):
            return True
        return self._inside(os.path.realpath(path)) is not None

    def read(self, path: str | Path, limit: int = MAX_BYTES) -> bytes:
        """The content of a file.

        Raises RefusedFileError for one that is outside, not regular or too large, and OSError or ValueError
        if there is none or it cannot be read.
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
        """A descriptor of a folder, in which names mean what they mean now, whatever becomes of its path.

        Raises OutsideFolderError for a folder that is not below ours.
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
        """The names that lead from the folder to a real path; None where it is outside, or history."""
        folder = self.folder or os.sep
        if real == folder:
            return []
        top = folder if folder.endswith(os.sep) else folder + os.sep
        parts = list(Path(real[len(top) :]).parts) if real.startswith(top) else None
        return None if parts is None or in_vcs_folder(parts) else parts


def in_vcs_folder(parts: Iterable[str]) -> bool:
    """Whether names lead into what version control keeps of its own, ``.git`` and the like."""
    return not VCS_FOLDERS.isdisjoint(map(str.lower, parts))


def open_anywhere(path: str | Path) -> int:
    """A descriptor of a file, wherever its path leads. Raises as ``FileReader.read`` does."""
    _refuse_special(os.stat(path))  # noqa: PTH116 - pathlib raises other errors for odd paths
    return _regular(os.open(path, _FLAGS))


def open_below(folder: str, parts: list[str]) -> int:
    """A descriptor of a file, by the names that lead to it from a folder.

    No link is followed: one may have been put there since the path was resolved. Raises as
    ``FileReader.read`` does.
    """
    here = _open_folder(folder, parts[:-1])
    try:
        name = parts[-1] if parts else os.curdir
        _refuse_special(os.stat(name, dir_fd=here, follow_symlinks=False))
        return _regular(os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=here))
    finally:
        os.close(here)


def _open_folder(folder: str, parts: list[str]) -> int:
    here = os.open(folder, _STEP)
    for name in parts:
        try:
            there = os.open(name, _STEP, dir_fd=here)
        finally:
            os.close(here)
        here = there
    return here


def content_of(descriptor: int, limit: int = MAX_BYTES) -> bytes:
    """What a descriptor holds, which is closed. Raises FileTooLargeError for more than a limit."""
    with open(descriptor, "rb", buffering=0) as stream:
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_size > limit:
            raise FileTooLargeError.of(limit)
        parts: list[bytes] = []
        left = limit + 1
        while left and (part := stream.read(min(left, _CHUNK))):
            parts.append(part)
            left -= len(part)
    if not left:
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
    """The kind of a file by its mode, in words; empty for a regular file."""
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "a device")


def _refuse_special(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    kind = file_type_name(found.st_mode)
    if kind:
        raise NotRegularError(f"it is {kind}, not a file")
