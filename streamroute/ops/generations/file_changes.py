"""The changes of a configuration's files from one generation to another, line by line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from typing import TYPE_CHECKING, Final

from streamroute.config.findings.quoting import hide_secrets

if TYPE_CHECKING:
    from streamroute.system.file_record import FileRecord

_MAX_BYTES: Final = 1_000_000
"""Bytes of a file that is compared line by line; difflib takes quadratic time."""
_MAX_LINES: Final = 5_000
_MAX_SHOWN: Final = 2_000  # lines of all changes


@dataclass(frozen=True, slots=True)
class FileChange:
    """What changed in a file: the lines of a unified diff, without secrets.

    ``note`` is why there are no lines, or not all; else empty.
    """

    path: str
    lines: tuple[str, ...]
    note: str = ""


def file_changes(old: FileRecord, new: FileRecord) -> list[FileChange]:
    """Return the changed files, by their paths relative to the root file's folder."""
    before, after = _contents(old), _contents(new)
    changes: list[FileChange] = []
    left = _MAX_SHOWN
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            change = _change(path, before.get(path), after.get(path), left)
            left = max(0, left - len(change.lines))
            changes.append(change)
    return changes


def _contents(record: FileRecord) -> Mapping[str, bytes]:
    folder = os.path.dirname(record.absolute(record.path))  # noqa: PTH120 - paths are text in a record
    return {os.path.relpath(record.absolute(path), folder): content for path, content in record.files.items()}


def _change(path: str, old: bytes | None, new: bytes | None, most: int) -> FileChange:
    before, after = _lines(old), _lines(new)
    if before is None or after is None:
        return FileChange(path, (), "it is too large, or not text, to compare line by line")
    lines = [hide_secrets(line) for line in _unified(before, after)]
    note = f"{len(lines) - most} more lines are not shown" if len(lines) > most else ""
    return FileChange(path, tuple(lines[:most]), note)


def _lines(content: bytes | None) -> list[str] | None:
    """Return the lines of a file (none if there is no file); None if it cannot be compared."""
    if content is None:
        return []
    if len(content) > _MAX_BYTES:
        return None
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return None
    return lines if len(lines) <= _MAX_LINES else None


def _unified(before: list[str], after: list[str]) -> Iterator[str]:
    """Yield the lines of a unified diff without its head, which names the files."""
    for number, line in enumerate(unified_diff(before, after, lineterm="")):
        if number >= 2:
            yield line
