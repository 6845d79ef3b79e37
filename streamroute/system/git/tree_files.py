"""Reads the files of one commit as if they were checked out in the working tree."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from streamroute.system.file_record import RecordedEntry
from streamroute.system.files import FileReader, FolderEntry
from streamroute.system.git.objects import GitError, GitObjects
from streamroute.system.opening import FileKind, FileTooLargeError, NotRegularError, OutsideFolderError

_MAX_LINKS: Final = 40  # on one path
_LONGEST_LINK: Final = 4_096  # bytes of a target


class _Node(NamedTuple):
    """A name in a tree: the hash of its object, and what it is."""

    hash: str
    kind: FileKind


class _Place(NamedTuple):
    """Where a path leads with links resolved: the parts of its real path, and the node; None if missing."""

    parts: list[str]
    node: _Node | None
    is_broken_link: bool = False


_MODES: Final = {b"40000": FileKind.FOLDER, b"120000": FileKind.LINK, b"160000": FileKind.FOLDER}
_KINDS_OF_FILES: Final = {b"100644", b"100755", b"100664"}
_ABOVE: Final = _Node("", FileKind.FOLDER)
"""A folder above the working tree."""


class GitFiles(FileReader):
    """Reads the files of a commit; ``top`` is the top folder of the working tree, a real path.

    Links are followed to files of the same commit. Files outside the repository do not exist. Only files
    below ``folder`` are allowed (None: all of the commit). Raises GitError if ``revision`` names no commit.
    """

    def __init__(self, objects: GitObjects, top: str, revision: str, folder: str | None = None) -> None:
        super().__init__()
        self._objects = objects
        self._top = Path(top).parts[1:]
        self._working_folder = os.getcwd()  # noqa: PTH109 - paths are text here
        self._trees: dict[str, dict[str, _Node]] = {}
        commit = objects.read(f"{revision}^{{commit}}")
        if commit is None:
            raise GitError("the repository has no such revision")
        self.commit = commit.hash
        tree = commit.content.partition(b"\n")[0].removeprefix(b"tree ").decode()
        self._root = _Node(tree, FileKind.FOLDER)
        self.folder = folder

    def read_root(self, path: str | Path) -> bytes:
        """Return the content of the file that the user named."""
        return self.read(path)

    def kind(self, path: str | Path) -> FileKind:
        """Return what the path leads to."""
        place = self._place(path)
        if place.node is not None:
            return place.node.kind
        return FileKind.BROKEN_LINK if place.is_broken_link else FileKind.MISSING

    def real_path(self, path: str | Path) -> str:
        """Return the path with the links of the commit resolved."""
        return f"/{'/'.join(self._place(path).parts)}"

    def entries(self, folder: str) -> Iterator[FolderEntry]:
        """Yield the entries of a folder. Raises OSError if it is none."""
        place = self._place(folder)
        node = self._folder_at(place)
        for name, child in self._children(node).items():
            is_link = child.kind is FileKind.LINK
            leads_to = self._follow([*place.parts], [name]).node if is_link else child
            yield RecordedEntry(name, leads_to is not None and leads_to.kind is FileKind.FOLDER, is_link)

    def absolute(self, path: str) -> str:
        """Return the path from the root of the file system; links and ``..`` stay in it."""
        return os.path.join(self._working_folder, path)  # noqa: PTH118 - paths are text here

    def _content(self, path: str | Path, limit: int) -> bytes:
        if not self.allows(path):
            raise OutsideFolderError("the file is outside the configuration folder")
        node = self._place(path).node
        if node is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if node.kind is FileKind.FOLDER:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        found = self._objects.read(node.hash, limit)
        if found is None or found.type != "blob":
            raise NotRegularError("it is not stored in the repository")
        return found.content

    def _place(self, path: str | Path) -> _Place:
        text = self.absolute(os.fspath(path))
        if "\0" in text:
            return _Place(text.split("/"), None)
        # The working folder is a real path, and need not exist in the commit.
        here = f"{self._working_folder}/"
        if text.startswith(here):
            return self._follow(list(filter(None, here.split("/"))), text.removeprefix(here).split("/"))
        return self._follow([], text.split("/"))

    def _follow(self, parts: list[str], names: list[str]) -> _Place:
        """Walk from a real path along names, following links; the rest of a missing path is kept."""
        waiting, links, ends_in_link = names[::-1], 0, False
        while waiting:
            name = waiting.pop()
            if name in ("", os.curdir):
                continue
            if name == os.pardir:
                del parts[-1:]
                continue
            node = self._node([*parts, name])
            if node is None:
                return _Place([*parts, name, *filter(None, reversed(waiting))], None, ends_in_link)
            if node.kind is not FileKind.LINK:
                parts = [*parts, name]
                continue
            links += 1
            ends_in_link |= not waiting
            target = self._target_of(node) if links <= _MAX_LINKS else ""
            if not target:
                return _Place([*parts, name], None, is_broken_link=True)
            parts = [] if target.startswith("/") else parts
            waiting += target.split("/")[::-1]
        return _Place(parts, self._node(parts))

    def _target_of(self, link: _Node) -> str:
        """Return what a link leads to; empty if that is no path."""
        with suppress(FileTooLargeError):
            found = self._objects.read(link.hash, _LONGEST_LINK)
            return "" if found is None else os.fsdecode(found.content)
        return ""

    def _node(self, parts: list[str]) -> _Node | None:
        """Return the node at a path without links; None if there is none."""
        top = list(self._top)
        if len(parts) < len(top):
            return _ABOVE if parts == top[: len(parts)] else None
        if parts[: len(top)] != top:
            return None
        node: _Node | None = self._root
        for name in parts[len(top) :]:
            if node is None or node.kind is not FileKind.FOLDER:
                return None
            node = self._children(node).get(name)
        return node

    def _folder_at(self, place: _Place) -> _Node:
        if place.node is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if place.node.kind is not FileKind.FOLDER:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return place.node

    def _children(self, node: _Node) -> dict[str, _Node]:
        if node.hash not in self._trees:
            self._trees[node.hash] = dict(self._read_children(node.hash)) if node.hash else {}
        return self._trees[node.hash]

    def _read_children(self, tree: str) -> Iterator[tuple[str, _Node]]:
        """Yield the nodes of a tree; none for a submodule, which is a commit of another repository."""
        with suppress(FileTooLargeError, ValueError):  # the tree is damaged
            found = self._objects.read(tree)
            if found is not None and found.type == "tree":
                yield from _parsed(found.content, len(tree) // 2)


def _parsed(content: bytes, hash_bytes: int) -> Iterator[tuple[str, _Node]]:
    """Parse a tree: for each name its mode, a space, the name, NUL, and the hash in binary."""
    at = 0
    while at < len(content):
        space, end = content.index(b" ", at), content.index(b"\0", at)
        mode, name = content[at:space], content[space + 1 : end]
        at = end + 1 + hash_bytes
        kind = FileKind.FILE if mode in _KINDS_OF_FILES else _MODES.get(mode, FileKind.DEVICE)
        yield os.fsdecode(name), _Node(content[end + 1 : at].hex(), kind)
