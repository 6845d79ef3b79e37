"""The state of a service's code: the contents of the files in its folder, and of modules from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from streamroute.ops.reload.code.code_folder import CodeFolder, FoundFiles
from streamroute.ops.reload.watched_files import Signatures, digest_of, signature

_SHOWN: Final = 3  # names of changed files


@dataclass(frozen=True, slots=True)
class CodeFiles:
    """Path -> hash of the content, None if it cannot be read; see ``FileWatcher``.

    ``tree`` are the files below ``folder``, ``modules`` those that were imported from elsewhere.
    """

    folder: CodeFolder
    tree: Mapping[str, bytes | None] = field(default_factory=dict)
    modules: Mapping[str, bytes | None] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: CodeFolder, found: FoundFiles, modules: Iterable[str]) -> Self:
        """Read the files that were found in the folder, and these modules."""
        tree = {path: digest_of(path) for path in found.paths}
        return cls(folder, tree, {path: digest_of(path) for path in modules if path not in tree})

    def signatures(self) -> Signatures:
        """Return the present state of the files, new ones included, without reading any."""
        return {path: signature(path) for path in (*self.folder.files().paths, *self.modules)}

    def now(self) -> Self:
        """Read the same folder and modules again."""
        return self.read(self.folder, self.folder.files(), self.modules)

    def with_modules(self, modules: Mapping[str, bytes | None]) -> Self:
        """Return the state with further modules."""
        return replace(self, modules={**modules, **self.modules})

    def changed_since(self, before: CodeFiles) -> tuple[str, ...]:
        """Return the paths of files that were added, removed or changed.

        A module from elsewhere counts only if both states know it: otherwise it was not imported before.
        """
        shared = self.modules.keys() & before.modules.keys()
        modules = {path for path in shared if self.modules[path] != before.modules[path]}
        return tuple(sorted(modules | _changed(self.tree, before.tree)))

    def describe(self, changed: Sequence[str]) -> str:
        """Return which of its files changed, in a few words."""
        names = [os.path.relpath(path, self.folder.path) for path in changed[:_SHOWN]]
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        return f"code changed: {', '.join(names)}{more}"


def _changed(new: Mapping[str, bytes | None], old: Mapping[str, bytes | None]) -> set[str]:
    common = new.keys() & old.keys()
    return (new.keys() ^ old.keys()) | {path for path in common if new[path] != old[path]}
