"""Copies of the repository: mutants are written there, never into the work tree."""

from __future__ import annotations

import compileall
import shutil
import subprocess
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

from contextlib import contextmanager

_COMPILED = ("streamroute", "tests", "schemas")


class RepositoryCopy:
    """A copy of a repository's tracked and unignored files, in a folder that is updated on demand."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root = root
        self.folder = folder

    def update(self) -> None:
        """Copy changed files, delete removed ones, and compile all of them once for all mutants."""
        self.folder.mkdir(parents=True, exist_ok=True)
        files = list_files(self._root)
        for name in files:
            _copy(self._root / name, self.folder / name)
        for name in _list_linked_folders(self._root):
            _copy_link(self._root / name, self.folder / name)
        wanted = set(files)
        for path in self.folder.rglob("*"):
            name = str(path.relative_to(self.folder))
            if path.is_file() and name not in wanted and "__pycache__" not in path.parts:
                path.unlink()
        for part in _COMPILED:
            if (self.folder / part).is_dir():
                compileall.compile_dir(self.folder / part, quiet=2)

    def mutated(self, path: str, text: str) -> AbstractContextManager[None]:
        """Write ``text`` to a file for the duration of the context."""
        return self._mutated(self.folder / path, text)

    @contextmanager
    def _mutated(self, file: Path, text: str) -> Iterator[None]:
        original = file.read_bytes()
        if file.suffix == ".py":  # a compiled file of the same time and size would be used instead
            Path(cache_from_source(str(file))).unlink(missing_ok=True)
        file.write_text(text, "utf-8")
        try:
            yield
        finally:
            file.write_bytes(original)


def list_files(root: Path) -> list[str]:
    """Return the files of a repository, tracked or new, without those that git ignores."""
    return [name for name in _list_names(root) if (root / name).is_file()]


def _list_linked_folders(root: Path) -> list[str]:
    """Return the links to folders of a repository, such as that of the package to the schemas."""
    return [name for name in _list_names(root) if (root / name).is_symlink() and (root / name).is_dir()]


def _list_names(root: Path) -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    output = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
    return sorted({name for name in output.decode().split("\0") if name})


def _copy(source: Path, target: Path) -> None:
    if target.is_file() and target.read_bytes() == source.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(source.stat().st_mode)


def _copy_link(source: Path, target: Path) -> None:
    if not target.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.readlink())
