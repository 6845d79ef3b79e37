"""Find the source of a module without importing anything."""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.machinery import BYTECODE_SUFFIXES, EXTENSION_SUFFIXES
from pathlib import Path
from typing import Final

from streamroute.config.paths import is_file, is_folder, list_folder
from streamroute.system.files import FileReader

MAX_SOURCE: Final = 250_000
"""Bytes of the largest module that is read: its syntax tree takes a thousand times as much."""

MAX_SOURCES: Final = 2_000_000
"""Total bytes of modules that are read from one place."""


_COMPILED: Final = (*EXTENSION_SUFFIXES, *BYTECODE_SUFFIXES)


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """A module: its source, and the search folders of its submodules if it is a package.

    ``source`` is None if there is none to read: a namespace package, or compiled code.
    """

    source: Path | None
    folders: tuple[Path, ...] = ()


class ModuleFinder:
    """Finds modules in ``places``; each folder is listed once, however many modules are missing in it."""

    def __init__(self, places: Iterable[Path]) -> None:
        self._places = tuple(places)
        self._listed: dict[Path, frozenset[str]] = {}

    def find(self, name: str, places: Iterable[Path] | None = None) -> ModuleFile | None:
        """Find a module by its dotted name, as Python would in these places; None if not found.

        Archives and import hooks are ignored, so a module that is not found may still exist.
        """
        return self.find_parts(name.split("."), places)[0]

    def find_parts(
        self, parts: Sequence[str], places: Iterable[Path] | None = None
    ) -> tuple[ModuleFile | None, int]:
        """Find a module by the parts of its name; also return how many of the parts exist."""
        module = ModuleFile(None, self._places if places is None else tuple(places))
        for count, part in enumerate(parts):
            child = self._find(part, module.folders)
            if child is None:
                return None, count
            module = child
        return module, len(parts)

    def _find(self, part: str, folders: Iterable[Path]) -> ModuleFile | None:
        spaces: list[Path] = []
        for folder in folders:
            names = self._names(folder)
            path = folder / part
            if part in names and is_file(path / "__init__.py"):
                return ModuleFile(path / "__init__.py", (path,))
            if f"{part}.py" in names and is_file(folder / f"{part}.py"):
                return ModuleFile(folder / f"{part}.py")
            compiled = (f"{part}{suffix}" for suffix in _COMPILED)
            if any(name in names and is_file(folder / name) for name in compiled):
                return ModuleFile(None)
            if part in names and is_folder(path):
                spaces.append(path)
        return ModuleFile(None, tuple(spaces)) if spaces else None

    def _names(self, folder: Path) -> frozenset[str]:
        if folder not in self._listed:
            self._listed[folder] = frozenset(entry.name for entry in list_folder(folder))
        return self._listed[folder]


def search_path(folder: Path) -> list[Path]:
    """The search path that ``serve`` has: Python's own, then the configuration's folder."""
    entries = [Path(entry or ".").resolve() for entry in sys.path]
    project = folder.resolve()
    return [*(entry for entry in entries if entry != project), project]


class ModuleSources:
    """Reads modules, each only from below the place where Python finds it.

    Installed modules may be links to elsewhere; with ``outside``, all modules may.
    """

    def __init__(self, folders: Sequence[Path], *, outside: bool) -> None:
        self._readers = {
            folder: FileReader(
                None if outside or _is_installed(folder) else folder, total=MAX_SOURCES, what="the modules"
            )
            for folder in folders
        }

    def allows(self, path: Path) -> bool:
        """Whether a path, with links resolved, is below the place where Python finds it."""
        return self._reader(path).allows(path)

    def read(self, source: Path) -> bytes:
        """Return the content of a module. Raises the same errors as ``FileReader.read``."""
        return self._reader(source).read(source, MAX_SOURCE)

    def _reader(self, path: Path) -> FileReader:
        """Return the reader of the nearest place: another may contain it, such as the working folder."""
        return next(self._readers[folder] for folder in (path, *path.parents) if folder in self._readers)


def _is_installed(folder: Path) -> bool:
    return any(folder.is_relative_to(root) for root in installed_folders())


def installed_folders() -> tuple[Path, ...]:
    """Return the folders, with links resolved, of Python's own modules and of installed ones."""
    roots = (os.path.dirname(os.__file__), *site.getsitepackages(), site.getusersitepackages())  # noqa: PTH120
    return tuple(Path(root).resolve() for root in roots)
