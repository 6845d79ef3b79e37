"""Open files by untrusted names: regular files only, of bounded size, below one folder.

A checkout may contain links, devices and pipes. None of them may make a command read a device, wait for a
pipe, exhaust memory, or show a file from elsewhere on the machine.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

MAX_BYTES: Final = 10_000_000
"""Maximum size of one file."""

VCS_FOLDERS: Final = frozenset({".git", ".hg", ".jj", ".svn"})
"""Version control folders at the top of a checkout."""
EMBEDDED_FOLDER: Final = ".streamroute"
"""Folder of the embedded server's data, next to the configuration; ``embedded:DIR`` overrides it."""

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_CHUNK: Final = 1 << 20
_STEP: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
"""Flags for opening a folder on the path; ``O_PATH`` does not require permission to list it."""


class FileKind(StrEnum):
    """What a path leads to, with links followed; ``LINK`` only where they are not."""

    FILE = "a file"
    FOLDER = "a folder"
    PIPE = "a pipe"
    SOCKET = "a socket"
    DEVICE = "a device"
    LINK = "a link"
    BROKEN_LINK = "a broken link"
    MISSING = "missing"
    NOT_ENTERABLE = "in a folder that cannot be entered"

    @property
    def is_missing(self) -> bool:
        """Whether there is nothing at the path, not even a broken link, as far as can be seen."""
        return self in {FileKind.MISSING, FileKind.NOT_ENTERABLE}


_KINDS: Final = {
    stat.S_IFREG: FileKind.FILE,
    stat.S_IFDIR: FileKind.FOLDER,
    stat.S_IFIFO: FileKind.PIPE,
    stat.S_IFSOCK: FileKind.SOCKET,
    stat.S_IFLNK: FileKind.LINK,
}


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


def kind_of(path: str | Path) -> FileKind:
    """Return what a path leads to; for a path that no file can have, that it is missing."""
    try:
        return _kind_of_mode(os.stat(path).st_mode)  # noqa: PTH116 - pathlib raises other errors for odd paths
    except PermissionError:
        missing = FileKind.NOT_ENTERABLE
    except (OSError, ValueError):
        missing = FileKind.MISSING
    return FileKind.BROKEN_LINK if os.path.islink(path) else missing  # noqa: PTH114 - as above


def _kind_of_mode(mode: int) -> FileKind:
    return _KINDS.get(stat.S_IFMT(mode), FileKind.DEVICE)


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
    parent = open_folder_below(folder, parts[:-1])
    try:
        return open_in(parent, parts[-1] if parts else os.curdir)
    finally:
        os.close(parent)


def open_in(folder: int, name: str) -> int:
    """Open a file in an open folder, without following a link; return its descriptor.

    Raises as ``FileReader.read`` does.
    """
    _refuse_special(os.stat(name, dir_fd=folder, follow_symlinks=False))
    return _regular(os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=folder))


def open_folder_below(folder: str, parts: list[str]) -> int:
    """Open a folder by its path parts below a folder, without following links; return its descriptor."""
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


def _refuse_special(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    kind = _kind_of_mode(status.st_mode)
    if kind is not FileKind.FILE:
        raise NotRegularError(f"it is {kind}, not a file")
