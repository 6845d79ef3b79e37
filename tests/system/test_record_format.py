"""A record survives being written, and nothing else is taken for one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamroute.system.file_record import FileRecord, ReadFailure, RecordedEntry
from streamroute.system.opening import FileKind
from streamroute.system.record_format import (
    RecordFormatError,
    decode_index,
    index_of,
    pack_record,
    record_of,
    unpack_record,
)
from streamroute.system.recording import RecordingReader

PATHS = st.text(st.characters(exclude_categories=()), max_size=8)
"""Paths may hold bytes that are not UTF-8, as lone surrogates."""
RECORDS = st.builds(
    FileRecord,
    path=PATHS,
    working_folder=PATHS,
    folder=st.none() | PATHS,
    files=st.dictionaries(PATHS, st.binary(max_size=20), max_size=4),
    failures=st.dictionaries(PATHS, st.builds(ReadFailure, PATHS, st.integers(0, 200), PATHS), max_size=2),
    folders=st.dictionaries(
        PATHS, st.lists(st.builds(RecordedEntry, PATHS, st.booleans(), st.booleans())).map(tuple), max_size=2
    ),
    real_paths=st.dictionaries(PATHS, PATHS, max_size=3),
    kinds=st.dictionaries(PATHS, st.sampled_from(FileKind), max_size=3),
)


@given(RECORDS)
def test_a_record_is_the_same_after_unpacking(record: FileRecord) -> None:
    assert unpack_record(pack_record(record)) == record


@given(RECORDS, st.data())
def test_damaged_bytes_are_refused_or_another_record(record: FileRecord, data: st.DataObject) -> None:
    """A changed path is another path; a changed content is always noticed."""
    packed = bytearray(pack_record(record))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    try:
        unpacked = unpack_record(bytes(packed))
    except RecordFormatError:
        return
    assert sorted(unpacked.files.values()) == sorted(record.files.values())


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"format": None},
        {"path": 1},
        {"path": None},
        {"files": None},
        {"files": [1]},
        {"files": [{"path": "a"}]},
        {"files": [{"path": "a", "name": "", "size": -1, "digest": ""}]},
        {"files": [{"path": "a", "name": "", "size": True, "digest": ""}]},
        {"files": [{"path": "a", "name": "", "size": 10**12, "digest": ""}]},
        {"files": [{"path": "a", "name": "", "size": 1, "digest": "", "more": 1}]},
        {"failures": {"a": ["OSError", 1]}},
        {"failures": {"a": ["OSError", "1", ""]}},
        {"folders": {"a": [["name", 1, False]]}},
        {"folders": {"a": 1}},
        {"folders": []},
        {"real_paths": {"a": None}},
        {"kinds": {"a": "a dragon"}},
        {"kinds": {"a": ["a file"]}},
    ],
    ids=str,
)
def test_an_index_of_another_shape_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    record = RecordingReader(tmp_path / "routes.yaml", tmp_path).record()
    index = {**json.loads(json.dumps(index_of(record, {}))), **change}
    with pytest.raises(RecordFormatError):
        record_of(index, lambda _: b"")


@pytest.mark.parametrize("packed", [b"", b"{", b"[]", b"1", b"null", b"[" * 100_000, b"\xff"])
def test_what_is_no_index_is_refused(packed: bytes) -> None:
    with pytest.raises(RecordFormatError):
        unpack_record(packed)


def test_a_large_index_is_not_parsed() -> None:
    with pytest.raises(RecordFormatError, match="too large"):
        decode_index(b"[1, 2, 3]", 8)
    assert decode_index(b"[1, 2, 3]", 9) == [1, 2, 3]
