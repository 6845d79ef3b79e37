"""The record is what was answered first, whatever happens to the files since."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamroute.system.file_record import FileRecord, RecordedEntry
from streamroute.system.files import FileReader
from streamroute.system.opening import FileKind, FileTooLargeError, OutsideFolderError
from streamroute.system.recording import RecordedFiles, RecordingReader


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    path = tmp_path / "project/routes.yaml"
    path.write_bytes(b"one")
    return path


def reader_of(root: Path) -> RecordingReader:
    return RecordingReader(root, root.parent)


def replay(record: FileRecord) -> RecordedFiles:
    return RecordedFiles(record)


def test_a_file_that_changes_is_read_once(root: Path) -> None:
    reader = reader_of(root)
    assert reader.read_root(root) == b"one"
    root.write_bytes(b"two")
    assert (reader.read_root(root), reader.read(root)) == (b"one", b"one")
    assert replay(reader.record()).read(root) == b"one"


def test_a_file_that_appears_stays_missing(root: Path) -> None:
    reader, late = reader_of(root), root.with_name("late.yaml")
    assert reader.kind(late) is FileKind.MISSING
    with pytest.raises(FileNotFoundError):
        reader.read(late)
    late.write_bytes(b"late")
    for files in (reader, replay(reader.record())):
        assert files.kind(late) is FileKind.MISSING
        with pytest.raises(FileNotFoundError):
            files.read(late)
    assert os.fspath(late) in reader.record().file_paths


def test_a_file_that_vanishes_is_still_there(root: Path) -> None:
    reader = reader_of(root)
    assert reader.kind(root) is FileKind.FILE
    reader.read_root(root)
    root.unlink()
    for files in (reader, replay(reader.record())):
        assert files.kind(root) is FileKind.FILE
        assert files.read_root(root) == b"one"


def test_a_link_that_is_swapped_leads_where_it_led(root: Path) -> None:
    """A ConfigMap is swapped so; a candidate must not mix files of two versions."""
    data = root.with_name("..data")
    for version in ("v1", "v2"):
        root.with_name(version).mkdir()
    data.symlink_to("v1")
    reader = reader_of(root)
    before = reader.real_path(data)
    data.unlink()
    data.symlink_to("v2")
    assert before == reader.real_path(data) == replay(reader.record()).real_path(data)
    assert FileReader().real_path(data) != before


def test_a_folder_is_listed_once(root: Path) -> None:
    """Two patterns of one file must not see two states of a folder."""
    reader, folder = reader_of(root), str(root.parent)
    before = list(reader.entries(folder))
    root.with_name("late.yaml").touch()
    assert list(reader.entries(folder)) == before == list(replay(reader.record()).entries(folder))


def test_a_listing_that_was_stopped_ends_there_again(root: Path) -> None:
    for number in range(5):
        root.with_name(f"{number}.yaml").touch()
    reader, folder = reader_of(root), str(root.parent)
    seen = [entry.name for entry, _ in zip(reader.entries(folder), range(2), strict=False)]
    record = reader.record()
    assert [entry.name for entry in record.folders[folder]][:2] == seen
    assert len(record.folders[folder]) < 6


def test_entries_keep_their_kinds(root: Path) -> None:
    root.with_name("sub").mkdir()
    root.with_name("link").symlink_to("sub")
    root.with_name("dangling").symlink_to("absent")
    reader = reader_of(root)
    list(reader.entries(str(root.parent)))
    entries = set(replay(reader.record()).entries(str(root.parent)))
    assert entries == {
        RecordedEntry("routes.yaml", leads_to_folder=False, is_link=False),
        RecordedEntry("sub", leads_to_folder=True, is_link=False),
        RecordedEntry("link", leads_to_folder=True, is_link=True),
        RecordedEntry("dangling", leads_to_folder=False, is_link=True),
    }


def test_a_folder_that_cannot_be_listed_is_in_the_record(root: Path) -> None:
    """It may appear, which is a change."""
    reader = reader_of(root)
    with pytest.raises(FileNotFoundError):
        list(reader.entries("absent"))
    assert reader.record().folders == {"absent": ()}


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "absent", "folder", "pipe", "large", "outside"])
def test_errors_are_the_same_again(root: Path, name: str) -> None:
    root.with_name("folder").mkdir()
    os.mkfifo(root.with_name("pipe"))
    root.with_name("large").write_bytes(b"x" * 11)
    root.with_name("outside").symlink_to("/etc/hostname")
    path = root.with_name(name)
    reader = reader_of(root)
    with pytest.raises((OSError, ValueError)) as first:
        reader.read(path, 10)
    for files in (reader, replay(reader.record())):
        with pytest.raises((OSError, ValueError)) as again:
            files.read(path, 10)
        assert type(again.value) is type(first.value)
        assert getattr(again.value, "strerror", None) == getattr(first.value, "strerror", None)


def test_the_limit_on_the_total_applies_to_a_record_too(root: Path) -> None:
    """What was read in another order, or by another release, may exceed it now."""
    reader = reader_of(root)
    reader.read(root)
    files = replay(reader.record())
    with pytest.raises(FileTooLargeError):
        files.read(root, 2)


def test_a_record_needs_no_file_and_no_working_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root.parent)
    reader = RecordingReader("routes.yaml", ".")
    reader.read_root("routes.yaml")
    monkeypatch.chdir(tmp_path)
    files = replay(reader.record())
    assert files.read_root("routes.yaml") == b"one"
    assert files.absolute("routes.yaml") == str(root)


def test_a_path_without_an_answer_is_below_its_nearest_parent(root: Path, tmp_path: Path) -> None:
    """Another environment may name another data folder, which is inside or outside as it was then."""
    link = tmp_path / "current"
    link.symlink_to("project")
    record = RecordingReader(link / "routes.yaml", link).record()
    files = replay(record)
    assert files.real_path(link / "data/x") == str(root.parent / "data/x")
    assert files.allows(link / "data/x")
    assert not files.allows(tmp_path / "elsewhere")
    assert files.kind(root) is FileKind.MISSING
    with pytest.raises(FileNotFoundError):
        files.read(root)


def test_a_file_outside_is_refused_as_it_was(root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    reader = reader_of(root)
    with pytest.raises(OutsideFolderError):
        reader.read(tmp_path / "secret")
    assert b"secret" not in reader.record().files.values()
