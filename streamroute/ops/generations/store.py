"""The last good generations of a configuration, whole, in its state folder.

Each is a folder, named after the generation. It holds all files that were read in ``files``, their paths and
everything else that was asked of the file system in ``index.json``, the hashes of all parts in
``outline.json``, and when and why it became the current one in ``used.json``.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from streamroute.config.document import Document
from streamroute.errors import StreamrouteError
from streamroute.ops.generations.changes import Outline, changes_between, outline_of
from streamroute.ops.generations.private_folder import PrivateFolder, private_folder
from streamroute.ops.generations.state_folder import StateFolderError, absolute_root
from streamroute.ops.generations.stored_generation import (
    DamagedGenerationError,
    StoredGeneration,
    outline_from_json,
    outline_to_json,
)
from streamroute.system.file_record import FileRecord
from streamroute.system.opening import MAX_BYTES
from streamroute.system.record_format import (
    MAX_INDEX,
    FileEntry,
    RecordFormatError,
    decode_index,
    index_of,
    record_of,
)
from streamroute.text.safe_text import one_line
from streamroute.text.truncation import clip

KEPT: Final = 10
"""Number of generations that are kept."""

_FOLDER: Final = "generations"
_FILES: Final = "files"
_INDEX: Final = "index.json"
_OUTLINE: Final = "outline.json"
_USED: Final = "used.json"
_GENERATION: Final = "generation"
"""The key of an index with the hash of the generation."""
_HASH: Final = re.compile(r"[0-9a-f]{12}")
_TEMPORARY: Final = (".new-", ".old-")
_MAX_PROBLEMS: Final = 20
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_NAME: Final = 80
PATIENCE: Final = 5.0
"""Seconds that another process may use the folder."""


class UnknownGenerationError(StreamrouteError):
    """Raised if no stored generation, or more than one, has the given start of a hash."""


class StoredGenerations(NamedTuple):
    """The stored generations, the newest first, which is the current one.

    ``problems`` has a line for each damaged one, up to a certain number.
    """

    generations: list[StoredGeneration]
    problems: list[str]

    def of(self, root: str) -> StoredGenerations:
        """Return those of one root file, given by its absolute path."""
        return self._replace(generations=[each for each in self.generations if each.root == root])


class LoadedGeneration(NamedTuple):
    """A stored generation with all its files."""

    stored: StoredGeneration
    record: FileRecord


def _utc_now() -> datetime:
    return datetime.now(UTC)


class GenerationStore:
    """The stored generations below a state folder, which several processes may use at the same time.

    If ``root`` is given, only those of this root file are listed and loaded: the folder may be shared with
    other configurations, and going back to one of theirs would exchange the services.
    The methods block, on the disk and on other processes. They raise StateFolderError if the folder cannot be
    used; callers report it and go on.
    """

    def __init__(
        self,
        state_folder: Path,
        root: Path | None = None,
        *,
        kept: int = KEPT,
        patience: float = PATIENCE,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.folder = state_folder / _FOLDER
        self.root = None if root is None else absolute_root(root)
        self._kept = kept
        self._patience = patience
        self._now = now

    def add(self, record: FileRecord, document: Document, outline: Outline | None = None) -> None:
        """Store a generation that runs now: it becomes the current one, and the oldest ones are removed.

        ``outline`` is that of the document, if it is known.
        """
        with self.opened(create=True) as folder:
            for name in folder.names():
                if name.startswith(_TEMPORARY):
                    folder.remove(name)
            outline = outline or outline_of(document)
            root = absolute_root(record.absolute(record.path))
            newest = next(iter(_list(folder).of(root).generations), None)
            first = StoredGeneration(document.generation, self._now(), root=root)
            stored = self._next(folder, first, outline, newest)
            if not _holds(folder, stored, record):
                _replace(folder, stored, record, outline)
            self._remove_oldest(folder, stored)

    def list(self) -> StoredGenerations:
        """Return the stored generations; none if there is no folder."""
        if not os.path.lexists(self.folder):
            return StoredGenerations([], [])
        with self.opened() as folder:
            listing = _list(folder)
        return listing if self.root is None else listing.of(self.root)

    def load(self, start: str) -> LoadedGeneration:
        """Return the stored generation whose hash starts so, with its files.

        Raises UnknownGenerationError if there is not exactly one. Raises StateFolderError, as it does for the
        folder, if a file in it is not as it was written.
        """
        listing = self.list()
        found = [each for each in listing.generations if each.generation.startswith(start.lower())]
        if len(found) != 1:
            raise UnknownGenerationError(_not_one(start, found or listing.generations, any_found=bool(found)))
        with self.opened() as folder:
            return LoadedGeneration(found[0], _load(folder, found[0].generation))

    def previous(self, current: str) -> LoadedGeneration:
        """Return the newest stored generation except the given one. Raises as ``load`` does."""
        others = [each for each in self.list().generations if each.generation != current]
        if not others:
            raise UnknownGenerationError("no earlier generation is stored")
        return self.load(others[0].generation)

    @contextmanager
    def opened(self, *, create: bool = False) -> Iterator[PrivateFolder]:
        """Open the folder, and keep other processes out."""
        with private_folder(self.folder, create=create) as folder, folder.locked(self._patience):
            yield folder

    def _next(
        self,
        folder: PrivateFolder,
        first: StoredGeneration,
        outline: Outline,
        newest: StoredGeneration | None,
    ) -> StoredGeneration:
        """Return the description of the generation that is to be the newest; ``first`` if there is none."""
        if newest is None:
            return first
        if newest.generation == first.generation:
            return newest
        # The order is that of use, even if the clock was set back.
        time = max(first.time, newest.time + timedelta(microseconds=1))
        try:
            changes = changes_between(_outline(folder, newest.generation), outline)
        except (OSError, DamagedGenerationError):
            changes = None
        return replace(first, time=time, before=newest.generation, changes=changes)

    def _remove_oldest(self, folder: PrivateFolder, current: StoredGeneration) -> None:
        """Remove the oldest ones of the same root file, and those that are damaged."""
        listing = _list(folder)
        others = [each for each in listing.generations if each.root != current.root]
        own = listing.of(current.root).generations[: self._kept]
        kept = {each.generation for each in (*own, *others, current)}
        for name in folder.names():
            if _HASH.fullmatch(name) and name not in kept:
                folder.remove(name)


def _list(folder: PrivateFolder) -> StoredGenerations:
    found: list[StoredGeneration] = []
    problems: list[str] = []
    for name in folder.names():
        if name.startswith(_TEMPORARY):
            continue
        try:
            found.append(_description(folder, name))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            problems.append(
                f"the stored generation {clip(one_line(name), _LONGEST_NAME)} is skipped: {reason}"
            )
    return StoredGenerations(
        sorted(found, key=lambda each: each.time, reverse=True), problems[:_MAX_PROBLEMS]
    )


def _description(folder: PrivateFolder, name: str) -> StoredGeneration:
    if not _HASH.fullmatch(name):
        raise DamagedGenerationError("its name is not a hash")
    with folder.inside(name) as inside:
        return StoredGeneration.from_json(name, inside.read(_USED, MAX_INDEX))


def _outline(folder: PrivateFolder, name: str) -> Outline:
    with folder.inside(name) as inside:
        return outline_from_json(inside.read(_OUTLINE, MAX_INDEX))


def _load(folder: PrivateFolder, name: str) -> FileRecord:
    try:
        with folder.inside(name) as inside, inside.inside(_FILES) as files:
            index = decode_index(inside.read(_INDEX, MAX_INDEX))
            record = record_of(index, lambda entry: _content(files, entry))
            _require_generation(index, name)
            return record
    except (OSError, RecordFormatError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StateFolderError(f"the stored generation {name} cannot be used: {reason}") from error


def _require_generation(index: Mapping[str, Any], name: str) -> None:
    """Refuse the files of another generation: its folder was renamed, or exchanged with this one."""
    if index.get(_GENERATION) != name:
        raise RecordFormatError("its files are those of another generation")


def _content(files: PrivateFolder, entry: FileEntry) -> bytes:
    if not entry.name or _UNSAFE.search(entry.name) or entry.name.startswith("."):
        raise RecordFormatError("its index is damaged")
    return files.read(entry.name, MAX_BYTES)


def _holds(folder: PrivateFolder, stored: StoredGeneration, record: FileRecord) -> bool:
    """Whether the folder holds this generation already, from the same files, as the newest."""
    try:
        return (
            _description(folder, stored.generation) == stored and _load(folder, stored.generation) == record
        )
    except (OSError, ValueError, StateFolderError):
        return False


def _replace(folder: PrivateFolder, stored: StoredGeneration, record: FileRecord, outline: Outline) -> None:
    """Write a generation, wholly or not at all."""
    new, old = (f"{start}{secrets.token_hex(8)}" for start in _TEMPORARY)
    try:
        with folder.inside(new, create=True) as inside:
            _write(inside, stored, record, outline)
        if stored.generation in folder.names():
            folder.rename(stored.generation, old)
        folder.rename(new, stored.generation)
        folder.sync()
    finally:
        folder.remove(new)
        folder.remove(old)


def _write(inside: PrivateFolder, stored: StoredGeneration, record: FileRecord, outline: Outline) -> None:
    names = {path: _file_name(number, path) for number, path in enumerate(record.files, 1)}
    described = {_GENERATION: stored.generation, **index_of(record, names)}
    index = json.dumps(described, indent=1).encode()
    if len(index) > MAX_INDEX:
        raise OSError(0, "the paths of the configuration are too many to keep")
    with inside.inside(_FILES, create=True) as files:
        files.write_all({names[path]: content for path, content in record.files.items()})
    inside.write(_INDEX, index)
    inside.write(_OUTLINE, outline_to_json(outline))
    inside.write(_USED, stored.to_json())
    inside.sync()


def _file_name(number: int, path: str) -> str:
    """Return a name that people recognize, for any path."""
    name = _UNSAFE.sub("_", os.path.basename(path))  # noqa: PTH119 - paths are text here
    return f"{number:04}-{name[-_LONGEST_NAME:]}"


def _not_one(start: str, choices: list[StoredGeneration], *, any_found: bool) -> str:
    listed = ", ".join(each.generation for each in choices)
    shown = clip(one_line(start), _LONGEST_NAME)
    if any_found:
        return f'several stored generations start with "{shown}": {listed}'
    return f'no stored generation starts with "{shown}"' + (f"; stored: {listed}" if listed else "")
