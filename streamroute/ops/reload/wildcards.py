"""Which names in a folder matter: those that the includes of a configuration may match."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from streamroute.config.files.search import WILDCARD

if TYPE_CHECKING:
    from streamroute.system.files import FolderEntry

_ANY_FOLDERS: Final = "**"


@dataclass(frozen=True, slots=True)
class Wildcards:
    """The parts of include patterns that match names: of files, and of folders on the way to them."""

    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()

    @classmethod
    def of(cls, patterns: Iterable[str]) -> Self:
        """Return the wildcards in the patterns of includes."""
        files: set[str] = set()
        folders: set[str] = set()
        for pattern in patterns:
            *parents, last = pattern.split("/")
            folders.update(filter(WILDCARD.search, parents))
            files.update(filter(WILDCARD.search, [last]))
        return cls(frozenset(files), frozenset(folders))

    def match(self, entry: FolderEntry) -> bool:
        """Whether a file or a folder may lead to an included file."""
        name = entry.name
        if any(fnmatch.fnmatchcase(name, part) for part in self.files):
            return True
        return bool(self.folders) and _is_folder(entry) and any(_matches(name, part) for part in self.folders)


NO_WILDCARDS: Final = Wildcards()


def _matches(name: str, part: str) -> bool:
    return part == _ANY_FOLDERS or fnmatch.fnmatchcase(name, part)


def _is_folder(entry: FolderEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
