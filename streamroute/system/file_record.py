"""The record of a configuration's files: everything that was asked of the file system, with the answers.

A record makes a configuration reproducible: loaded from it, instead of from the disk, it has the same content
and the same findings, whatever has happened to the files since.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from streamroute.system.opening import (
    FileKind,
    FileTooLargeError,
    NotRegularError,
    OutsideFolderError,
    RefusedFileError,
)

_REFUSALS: Final[Mapping[str, type[RefusedFileError]]] = {
    each.__name__: each for each in (RefusedFileError, OutsideFolderError, NotRegularError, FileTooLargeError)
}
_VALUE: Final = "ValueError"


class RecordedEntry(NamedTuple):
    """One name in a folder; ``leads_to_folder`` with links followed."""

    name: str
    leads_to_folder: bool
    is_link: bool

    def is_dir(self) -> bool:
        """Whether it is a folder, or a link to one."""
        return self.leads_to_folder

    def is_symlink(self) -> bool:
        """Whether it is a link."""
        return self.is_link


class ReadFailure(NamedTuple):
    """Why a file could not be read: the class of the error, its number (0: none) and its text."""

    error: str
    number: int
    reason: str

    @classmethod
    def of(cls, error: OSError | ValueError) -> ReadFailure:
        """Return the failure that an error reports."""
        if isinstance(error, ValueError):
            return cls(_VALUE, 0, str(error))
        name = type(error).__name__
        return cls(name if name in _REFUSALS else "OSError", error.errno or 0, error.strerror or str(error))

    def as_error(self) -> OSError | ValueError:
        """Return the error again."""
        if self.error == _VALUE:
            return ValueError(self.reason)
        refusal = _REFUSALS.get(self.error)
        return OSError(self.number, self.reason) if refusal is None else refusal(self.reason)


@dataclass(frozen=True)
class FileRecord:
    """Every answer that the file system gave while a configuration was loaded.

    ``path`` is the root file's path; it and other paths may be relative to ``working_folder``. Only files
    below ``folder``, a real path, were allowed (None: all). The mappings have the paths as they were used,
    which may be several for one file: ``files`` the contents, ``failures`` why the others could not be read,
    ``folders`` the entries of each folder that was listed (none for a folder that could not be),
    ``real_paths`` the paths with links resolved, ``kinds`` what else was found at a path.
    """

    path: str
    working_folder: str
    folder: str | None
    files: Mapping[str, bytes]
    failures: Mapping[str, ReadFailure]
    folders: Mapping[str, tuple[RecordedEntry, ...]]
    real_paths: Mapping[str, str]
    kinds: Mapping[str, FileKind]

    @cached_property
    def file_paths(self) -> frozenset[str]:
        """The paths at which a file was read or looked for, whether or not there is one."""
        looked_for = (path for path, kind in self.kinds.items() if kind is not FileKind.FOLDER)
        return frozenset().union(self.files, self.failures, looked_for)

    def absolute(self, path: str) -> str:
        """Return a path of the record from the root of the file system; links and ``..`` stay in it."""
        return os.path.join(self.working_folder, path)  # noqa: PTH118 - paths are text here
