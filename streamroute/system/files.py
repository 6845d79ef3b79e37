"""Read the files that a configuration names: regular files only, of bounded size, below one folder.

A configuration refers to files by path, and a checkout may contain links. Everything that loading a
configuration asks of the file system is asked through a ``FileReader``, so that the answers can be recorded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from streamroute.system.named_files import read_named
from streamroute.system.opening import (
    MAX_BYTES,
    FileKind,
    FileTooLargeError,
    OutsideFolderError,
    TotalTooLargeError,
    content_of,
    in_vcs_folder,
    kind_of,
    open_anywhere,
    open_below,
    open_folder_below,
)

MAX_TOTAL: Final = 50_000_000
"""Maximum total size of the files of one configuration."""

MAX_LISTED: Final = 100_000
"""Limit on the names that ``FileReader.listing`` returns."""


class FolderEntry(Protocol):
    """One name in a folder, such as an ``os.DirEntry``."""

    @property
    def name(self) -> str: ...

    def is_dir(self) -> bool:
        """Whether it is a folder, or a link to one. May raise OSError."""

    def is_symlink(self) -> bool:
        """Whether it is a link."""


class FileReader:
    """Reads the files of one configuration; their real paths must be below ``folder`` (None: anywhere).

    ``total`` is the maximum number of bytes read in all; ``what`` names the files in its error.

    Version control folders count as outside, since they may contain credentials of a CI. Hard links are not
    detected: version control does not create them. ``root`` is the path of the root file if that is known,
    whatever may be there now; otherwise the user may have named its folder.
    """

    root: str | None = None

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

    # What loading a configuration asks of the file system

    def read_root(self, path: str | Path) -> bytes:
        """Return the content of the file that the user named. Raises as ``read_named`` does."""
        return read_named(path, outside=self.folder is None)

    def read(self, path: str | Path, limit: int = MAX_BYTES) -> bytes:
        """Return the content of a file.

        Raises RefusedFileError if it is outside, not regular or too large, and OSError or ValueError if it
        does not exist or cannot be read.
        """
        limit = min(limit, self._left)
        try:
            content = self._content(path, limit)
        except FileTooLargeError:
            if limit < self._left or self._left == self._total:
                raise
            raise TotalTooLargeError.of(self._total, f"{self._what} are", " together") from None
        self._left -= len(content)
        return content

    def kind(self, path: str | Path) -> FileKind:
        """Return what the path leads to."""
        return kind_of(path)

    def real_path(self, path: str | Path) -> str:
        """Return the path with links resolved."""
        return os.path.realpath(path)

    def entries(self, folder: str) -> Iterator[FolderEntry]:
        """Yield the entries of a folder. Raises OSError or ValueError if it cannot be listed."""
        with os.scandir(folder) as entries:
            yield from entries

    def absolute(self, path: str) -> str:
        """Return the path from the root of the file system; links and ``..`` stay in it."""
        return os.path.join(os.getcwd(), path)  # noqa: PTH109, PTH118 - paths are text here

    def _content(self, path: str | Path, limit: int) -> bytes:
        return content_of(self._open(path), limit)

    # What follows from it

    def allows(self, path: str | Path) -> bool:
        """Whether the real path, with links resolved, is below the folder.

        A path that no file can have (with a NUL character) is allowed: it leads nowhere.
        """
        if self.folder is None or "\0" in os.fspath(path):
            return True
        return self._inside(self.real_path(path)) is not None

    def listing(self, folder: str | Path) -> list[str]:
        """Return the names in a folder, up to ``MAX_LISTED``; none if it cannot be listed."""
        try:
            return [entry.name for entry in islice(self.entries(os.fspath(folder)), MAX_LISTED)]
        except (OSError, ValueError):
            return []

    @contextmanager
    def opened(self, path: str | Path) -> Iterator[int]:
        """Yield a descriptor of a folder, which stays valid if its path changes meanwhile.

        Raises OutsideFolderError if the folder is not below the reader's folder.
        """
        parts = self._inside(os.path.realpath(path))
        if parts is None:
            raise OutsideFolderError("it is outside the configuration folder")
        descriptor = open_folder_below(self.folder or os.sep, parts)
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
