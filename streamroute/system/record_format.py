"""Write a record of files as JSON and bytes, and read it again; what is read is checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeVar

from streamroute.system.file_record import FileRecord, ReadFailure, RecordedEntry
from streamroute.system.files import MAX_TOTAL
from streamroute.system.opening import MAX_BYTES, FileKind

T = TypeVar("T")

FORMAT: Final = 1
MAX_INDEX: Final = 50_000_000
"""Bytes of the JSON text: all names and paths."""
MAX_CONTENT: Final = MAX_TOTAL + MAX_BYTES
"""Bytes of all files together: the root file counts apart."""


class RecordFormatError(ValueError):
    """Raised for data that is no record: the text is the reason."""


class FileEntry(NamedTuple):
    """A file in an index; ``name`` is where its content is kept, ``digest`` its SHA-256 in hex."""

    path: str
    name: str
    size: int
    digest: str


def index_of(record: FileRecord, names: Mapping[str, str]) -> dict[str, Any]:
    """Return everything but the contents, as JSON values; ``names`` says where each content is kept."""
    return {
        "format": FORMAT,
        "path": record.path,
        "working_folder": record.working_folder,
        "folder": record.folder,
        "files": [
            FileEntry(path, names[path], len(content), sha256(content).hexdigest())._asdict()
            for path, content in record.files.items()
        ],
        "failures": record.failures,
        "folders": record.folders,
        "real_paths": record.real_paths,
        "kinds": record.kinds,
    }


def record_of(index: Any, content_of: Callable[[FileEntry], bytes]) -> FileRecord:
    """Return the record of an index; ``content_of`` returns the content of each file.

    Raises RecordFormatError if either is not what was written, and what ``content_of`` raises.
    """
    if _checked(index, dict).get("format") != FORMAT:
        raise RecordFormatError("it was written by another release")
    files = {entry.path: _verified(entry, content_of(entry)) for entry in _entries(index)}
    try:
        return FileRecord(
            path=_checked(index["path"], str),
            working_folder=_checked(index["working_folder"], str),
            folder=None if index["folder"] is None else _checked(index["folder"], str),
            files=files,
            failures={path: _failure(each) for path, each in _pairs(index["failures"])},
            folders={path: _folder(each) for path, each in _pairs(index["folders"])},
            real_paths={path: _checked(each, str) for path, each in _pairs(index["real_paths"])},
            kinds={path: FileKind(each) for path, each in _pairs(index["kinds"])},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged() from error


def pack_record(record: FileRecord) -> bytes:
    """Return a record as bytes, for another process."""
    index = index_of(record, dict.fromkeys(record.files, ""))
    return b"\n".join([json.dumps(index).encode(), b"".join(record.files.values())])


def unpack_record(packed: bytes) -> FileRecord:
    """Return the record that was packed. Raises RecordFormatError if the bytes are something else."""
    index, _, contents = packed.partition(b"\n")
    at = 0

    def next_content(entry: FileEntry) -> bytes:
        nonlocal at
        at += entry.size
        return contents[at - entry.size : at]

    return record_of(decode_index(index), next_content)


def decode_index(text: bytes, limit: int = MAX_INDEX) -> Any:
    """Return the JSON value of an index. Raises RecordFormatError if it is too long, or not JSON."""
    if len(text) > limit:
        raise RecordFormatError("its index is too large")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged() from error


def _entries(index: Mapping[str, Any]) -> Iterator[FileEntry]:
    left = MAX_CONTENT
    for value in _checked(index.get("files"), list):
        try:
            entry = FileEntry(**_checked(value, dict))
        except TypeError as error:
            raise _damaged() from error
        for text in (entry.path, entry.name, entry.digest):
            _checked(text, str)
        left -= _checked(entry.size, int)
        if entry.size < 0 or left < 0:
            raise RecordFormatError("its files are too large")
        yield entry


def _verified(entry: FileEntry, content: bytes) -> bytes:
    if len(content) != entry.size or sha256(content).hexdigest() != entry.digest:
        raise RecordFormatError("a file in it has changed")
    return content


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    yield from _checked(value, dict).items()


def _failure(value: Any) -> ReadFailure:
    error, number, reason = _checked(value, list)
    return ReadFailure(_checked(error, str), _checked(number, int), _checked(reason, str))


def _folder(value: Any) -> tuple[RecordedEntry, ...]:
    return tuple(map(_entry, _checked(value, list)))


def _entry(value: Any) -> RecordedEntry:
    name, leads_to_folder, is_link = _checked(value, list)
    return RecordedEntry(_checked(name, str), _checked(leads_to_folder, bool), _checked(is_link, bool))


def _checked(value: Any, expected: type[T]) -> T:
    if type(value) is not expected:
        raise _damaged()
    return value


def _damaged() -> RecordFormatError:
    return RecordFormatError("its index is damaged")
