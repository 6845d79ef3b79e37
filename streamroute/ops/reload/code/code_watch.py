"""The code of a service while it runs: its folder, and the modules that it imported from elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamroute.ops.reload.code.code_files import CodeFiles
from streamroute.ops.reload.code.imported_modules import MAX_MODULES
from streamroute.ops.reload.watched_files import WatchedFiles, digest_of

if TYPE_CHECKING:
    from streamroute.ops.reload.code.code_folder import CodeFolder

_UNCERTAIN: Final = b""
_RESOLUTION: Final = 0.05  # seconds by which the time of a file may be early

log = logging.getLogger(__name__)


class CodeWatch:
    """Reads the code below ``folder``, and ``modules`` from elsewhere.

    ``on_modules`` is called with those that are added, in their present state.
    """

    def __init__(self, folder: CodeFolder, *, max_modules: int = MAX_MODULES) -> None:
        self.modules: frozenset[str] = frozenset()
        self.on_modules: Callable[[WatchedFiles], None] = _ignore
        self._folder = folder
        self._max_modules = max_modules
        self._latest: CodeFiles | None = None
        self._has_warned = False

    def read(self) -> CodeFiles:
        """Return the present state of the code; may be called in any thread."""
        found = self._folder.files()
        if not found.is_complete and not self._has_warned:
            self._has_warned = True
            log.warning(
                "%s has too many files to follow them all: of its Python files, the nearest %d are watched",
                *(self._folder.path, len(found.paths)),
            )
        self._latest = CodeFiles.read(self._folder, found, self.modules)
        return self._latest

    def add(self, imported: Iterable[str], since: float) -> Mapping[str, bytes | None]:
        """Read further modules, too, unless they are found in the folder anyway; return their state.

        They were imported after ``since``, in seconds since the epoch. One that has changed after that may
        have been imported before or after it changed: its state is one that no file has.
        """
        known = self.modules if self._latest is None else self.modules | self._latest.tree.keys()
        new = sorted(frozenset(imported) - known)[: self._max_modules - len(self.modules)]
        added = {path: _UNCERTAIN if _changed_after(path, since) else digest_of(path) for path in new}
        if added:
            self.modules |= added.keys()
            self.on_modules(WatchedFiles(added))
        return added


def _changed_after(path: str, since: float) -> bool:
    try:
        return Path(path).stat().st_mtime > since - _RESOLUTION
    except (OSError, ValueError):
        return False  # a module of an archive, for example


def _ignore(_files: WatchedFiles) -> None:
    """Default for ``on_modules``."""
