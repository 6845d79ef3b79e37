"""The Python files below a folder: those that can be modules, within limits."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

_SUFFIX: Final = ".py"
_SKIPPED: Final = frozenset({"__pycache__", "node_modules"})
_ENVIRONMENT: Final = "pyvenv.cfg"  # the file that every virtual environment has


class FoundFiles(NamedTuple):
    """``is_complete`` is false if a limit was reached: then there may be more files."""

    paths: tuple[str, ...]
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class CodeFolder:
    """A folder with handlers; at most ``max_files`` files of at most ``max_entries`` names are looked at.

    Files and folders count if their names can be part of a module's name, which those of ``.git``, ``.venv``
    and of the temporary files of editors cannot. Virtual environments, ``__pycache__`` and ``node_modules``
    are left out, and links to folders are not followed.
    """

    path: str
    max_files: int = 5_000
    max_entries: int = 50_000

    def files(self) -> FoundFiles:
        """Return the files, the nearest first: folder by folder, in the order of their names."""
        found: list[str] = []
        folders, left = deque([self.path]), self.max_entries
        while folders:
            folder = folders.popleft()
            entries = _entries(folder, left + 1)
            left -= len(entries)
            if left < 0:
                return FoundFiles(tuple(found), is_complete=False)
            if folder != self.path and any(entry.name == _ENVIRONMENT for entry in entries):
                continue
            found += _modules(entries)
            if len(found) > self.max_files:
                return FoundFiles(tuple(found[: self.max_files]), is_complete=False)
            folders += _packages(entries)
        return FoundFiles(tuple(found))


def _entries(folder: str, most: int) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(islice(entries, most), key=lambda entry: entry.name)
    except (OSError, ValueError):
        return []


def _modules(entries: list[os.DirEntry[str]]) -> Iterator[str]:
    for entry in entries:
        stem, suffix = os.path.splitext(entry.name)  # noqa: PTH122 - text
        if suffix == _SUFFIX and stem.isidentifier() and not _is_folder(entry):
            yield entry.path


def _packages(entries: list[os.DirEntry[str]]) -> Iterator[str]:
    for entry in entries:
        if entry.name.isidentifier() and entry.name not in _SKIPPED and _is_folder(entry):
            yield entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
