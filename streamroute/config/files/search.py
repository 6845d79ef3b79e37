"""Find the files that a wildcard matches, in a bounded number of steps: patterns may be hostile, trees huge.

Wildcards work as in Python's ``glob``: ``*`` and ``**`` do not match hidden names, and ``**`` matches any
number of folders, including none. The search does not follow links that lead back to a folder above, or to
folders that must not be read. Each folder is listed once for each part of a pattern.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from streamroute.system.files import FileReader, FolderEntry
from streamroute.text.lazy_pattern import lazy_pattern

MAX_STEPS: Final = 100_000
"""Limit on the names that all includes of one configuration may examine together."""

_FREE_DEPTH: Final = 50
"""Depth beyond which each parent folder costs a step: resolving a path examines all its parents."""

_MAX_PART_LENGTH: Final = 2_000
"""Characters of the part of a pattern between two slashes; a longer part matches nothing."""

WILDCARD: Final = lazy_pattern(r"[*?\[]")


class SearchLimitError(Exception):
    """Raised when a search exceeds its limit of names."""


class FileSearch:
    """Finds files for the includes of one configuration; skips folders that ``files`` may not read.

    ``outside``: the last search reached such a folder.
    """

    def __init__(self, files: FileReader, steps: int = MAX_STEPS) -> None:
        self.outside = False
        self.files = files
        self._left = steps

    def find(self, pattern: str, folder: str) -> list[str]:
        """Return the matching paths, sorted, relative to ``folder``. Raises SearchLimitError."""
        self.outside = False
        return sorted(_Search(pattern, folder, self).run())

    def reaches(self, path: str) -> bool:
        """Whether a path without wildcards may be read, whether or not it exists."""
        self.count()
        self.outside = not self.files.allows(path)
        return not self.outside

    def count(self, steps: int = 1) -> None:
        """Consume steps. Raises SearchLimitError if too few are left."""
        if self._left < steps:
            raise SearchLimitError
        self._left -= steps

    def names(self, folder: str) -> Iterator[FolderEntry]:
        """Yield the entries of a folder; nothing if it must not or cannot be read."""
        self.count(1 + max(0, folder.count(os.sep) - _FREE_DEPTH))
        if not self.files.allows(folder or os.curdir):
            self.outside = True
            return
        try:
            for entry in self.files.entries(folder or os.curdir):
                self.count()
                yield entry
        except (OSError, ValueError):
            # Not a folder, or not readable: there are no matches.
            return

    def may_enter(self, link: str) -> bool:
        """Whether the target of a link to a folder may be read and does not contain the link."""
        folder = self.files.real_path(os.path.dirname(link) or os.curdir)  # noqa: PTH120 - paths are text here
        target = self.files.real_path(link)
        return self.files.allows(target) and os.path.commonpath([folder, target]) != target


class _Search:
    """The search for one pattern; its steps count towards those of ``search``."""

    def __init__(self, pattern: str, folder: str, search: FileSearch) -> None:
        self._folder = folder
        self._search = search
        self._parts = _parts(pattern)
        self._top = os.sep if pattern.startswith(os.sep) else ""
        self._seen: set[tuple[str, int]] = set()

    def run(self) -> set[str]:
        found: set[str] = set()
        waiting = [(self._top, 0)]
        while waiting:
            location = waiting.pop()
            if location in self._seen:
                continue
            self._seen.add(location)
            if location[1] == len(self._parts):
                found.add(location[0])
            else:
                waiting += self._next(*location)
        return found

    def _next(self, path: str, at: int) -> Iterator[tuple[str, int]]:
        """Yield the paths that one part of the pattern matches below a path."""
        part, is_last = self._parts[at], at == len(self._parts) - 1
        if part == "**":
            yield path, at + 1
            for entry in self._names(path):
                if entry.name.startswith("."):
                    continue
                if not _is_folder(entry):
                    yield from [(path + entry.name, at + 1)] * is_last
                elif not entry.is_symlink() or self._search.may_enter(self._path(path, entry)):
                    yield f"{path}{entry.name}/", at
        elif not WILDCARD.search(part):
            yield path + part + "/" * (not is_last), at + 1
        else:
            matches = _matcher(part)
            for entry in self._names(path):
                hidden = entry.name.startswith(".") and not part.startswith(".")
                if not hidden and matches(entry.name) and (is_last or _is_folder(entry)):
                    yield path + entry.name + "/" * (not is_last), at + 1

    def _names(self, path: str) -> Iterator[FolderEntry]:
        return self._search.names(os.path.join(self._folder, path))  # noqa: PTH118 - paths are text here

    def _path(self, folder: str, entry: FolderEntry) -> str:
        return os.path.join(self._folder, folder, entry.name)  # noqa: PTH118 - as above


def _parts(pattern: str) -> list[str]:
    parts = [part for part in pattern.split("/") if part]
    parts += [""] * pattern.endswith("/")  # the pattern matches only folders
    repeated = {at for at in range(1, len(parts)) if parts[at] == parts[at - 1] == "**"}
    return [part for at, part in enumerate(parts) if at not in repeated]


@lru_cache(256)
def _matcher(part: str) -> Callable[[str], object]:
    """Return the matcher of names for one part of a pattern, cached because it applies to many folders."""
    return re.compile(fnmatch.translate(part) if len(part) <= _MAX_PART_LENGTH else r"(?!)").match


def _is_folder(entry: FolderEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
