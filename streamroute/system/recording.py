"""Record what loading a configuration asks of the file system, and load it again from the record."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from streamroute.system.file_record import FileRecord, ReadFailure, RecordedEntry
from streamroute.system.files import FileReader, FolderEntry
from streamroute.system.opening import FileKind, FileTooLargeError


class RecordingReader(FileReader):
    """Reads as ``FileReader`` does, for the root file ``path``, and keeps every answer.

    A question that was answered before has the same answer again, even if the file has changed since: what
    was checked is what was recorded.
    """

    root: str

    def __init__(self, path: str | Path, folder: str | Path | None = None) -> None:
        super().__init__(folder)
        self.root = os.fspath(path)
        self._working_folder = os.getcwd()  # noqa: PTH109 - paths are text here
        self._files: dict[str, bytes] = {}
        self._failures: dict[str, ReadFailure] = {}
        self._folders: dict[str, tuple[RecordedEntry, ...]] = {}
        self._real_paths: dict[str, str] = {}
        self._kinds: dict[str, FileKind] = {}
        self.real_path(os.path.normpath(os.path.dirname(self.absolute(self.root))))  # noqa: PTH120 - as above

    def record(self) -> FileRecord:
        """Return the record of what was read so far."""
        return FileRecord(
            path=self.root,
            working_folder=self._working_folder,
            folder=self.folder,
            files=dict(self._files),
            failures=dict(self._failures),
            folders=dict(self._folders),
            real_paths=dict(self._real_paths),
            kinds=dict(self._kinds),
        )

    def read_root(self, path: str | Path) -> bytes:
        """Return the content of the file that the user named, and keep it."""
        return self._keep(os.fspath(path), lambda: super(RecordingReader, self).read_root(path))

    def kind(self, path: str | Path) -> FileKind:
        """Return what the path leads to, and keep it."""
        name = os.fspath(path)
        if name not in self._kinds:
            self._kinds[name] = super().kind(path)
        return self._kinds[name]

    def real_path(self, path: str | Path) -> str:
        """Return the path with links resolved, and keep it."""
        name = os.fspath(path)
        if name not in self._real_paths:
            self._real_paths[name] = super().real_path(path)
        return self._real_paths[name]

    def entries(self, folder: str) -> Iterator[FolderEntry]:
        """Yield the entries of a folder, and keep them, up to the one at which the caller stops."""
        if folder in self._folders:
            yield from self._folders[folder]
            return
        seen: list[RecordedEntry] = []
        try:
            for entry in super().entries(folder):
                seen.append(_recorded(entry))
                yield seen[-1]
        finally:
            self._folders[folder] = tuple(seen)

    def absolute(self, path: str) -> str:
        """Return the path from the root of the file system; links and ``..`` stay in it."""
        return os.path.join(self._working_folder, path)  # noqa: PTH118 - paths are text here

    def _content(self, path: str | Path, limit: int) -> bytes:
        content = self._keep(os.fspath(path), lambda: super(RecordingReader, self)._content(path, limit))
        return _within(content, limit)

    def _keep(self, name: str, read: Callable[[], bytes]) -> bytes:
        if name in self._failures:
            raise self._failures[name].as_error()
        if name not in self._files:
            try:
                self._files[name] = read()
            except (OSError, ValueError) as error:
                self._failures[name] = ReadFailure.of(error)
                raise
        return self._files[name]


class RecordedFiles(FileReader):
    """Answers from a record alone, without the disk; whatever the record does not name is missing."""

    def __init__(self, record: FileRecord) -> None:
        super().__init__()
        self.folder = record.folder
        self.root = record.path
        self.record = record

    def read_root(self, path: str | Path) -> bytes:
        """Return the recorded content of the root file."""
        return self._recorded(path)

    def kind(self, path: str | Path) -> FileKind:
        """Return what was found at the path."""
        return self.record.kinds.get(os.fspath(path), FileKind.MISSING)

    def real_path(self, path: str | Path) -> str:
        """Return the recorded real path; for another path, that of its nearest recorded parent, extended."""
        real = self.record.real_paths.get(os.fspath(path))
        return self._extended(os.path.normpath(self.absolute(os.fspath(path)))) if real is None else real

    def entries(self, folder: str) -> Iterator[FolderEntry]:
        """Yield the recorded entries of a folder."""
        return iter(self.record.folders.get(folder, ()))

    def absolute(self, path: str) -> str:
        """Return the path from the root of the recorded file system; links and ``..`` stay in it."""
        return self.record.absolute(path)

    def _content(self, path: str | Path, limit: int) -> bytes:
        return _within(self._recorded(path), limit)

    def _recorded(self, path: str | Path) -> bytes:
        name = os.fspath(path)
        content = self.record.files.get(name)
        if content is None:
            _fail(self.record.failures.get(name))
        return content

    def _extended(self, absolute: str) -> str:
        parts: list[str] = []
        current = absolute
        while current not in self.record.real_paths and current != os.path.dirname(current):  # noqa: PTH120 - text
            parts.append(os.path.basename(current))  # noqa: PTH119 - as above
            current = os.path.dirname(current)  # noqa: PTH120 - as above
        return os.path.join(self.record.real_paths.get(current, current), *reversed(parts))  # noqa: PTH118 - as above


def _recorded(entry: FolderEntry) -> RecordedEntry:
    try:
        return RecordedEntry(entry.name, entry.is_dir(), entry.is_symlink())
    except OSError:
        return RecordedEntry(entry.name, leads_to_folder=False, is_link=False)


def _within(content: bytes, limit: int) -> bytes:
    """Return a content that was read before. Raises FileTooLargeError if it exceeds the limit now."""
    if len(content) > limit:
        raise FileTooLargeError.of(limit)
    return content


def _fail(failure: ReadFailure | None) -> NoReturn:
    raise FileNotFoundError(2, "No such file or directory") if failure is None else failure.as_error()
