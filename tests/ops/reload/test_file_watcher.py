"""The watcher notices every way in which files change, once, and only when they are at rest."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from open_files import count_open_files
from servers import wait_until
from streamroute.ops.reload.file_watcher import FileWatcher
from streamroute.ops.reload.watched_files import Signatures, WatchedFiles, digest_of, names_in
from streamroute.ops.reload.wildcards import Wildcards

YAML = Wildcards(frozenset({"*.yaml"}))


class Watched:
    """A folder with files, and a watcher of it that looks when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "routes.yaml"
        self.file.write_text("one")
        self.link = folder / "linked.yaml"
        (folder / "..1").mkdir()
        (folder / "..1" / "linked.yaml").write_text("one")
        (folder / "..data").symlink_to("..1")
        self.link.symlink_to("..data/linked.yaml")
        self.changes = 0
        self.watcher = FileWatcher(self.count, reread=60)
        self.read()

    def count(self) -> None:
        self.changes += 1

    def read(self) -> None:
        """Do what a reload does: read the files, and watch for what differs from them."""
        paths = [self.file, self.link, self.folder / "missing.yaml"]
        digests = {str(path): digest_of(str(path)) for path in paths}
        names = {str(self.folder): names_in(str(self.folder), YAML)}
        self.watcher.watch(WatchedFiles(digests, names, YAML))

    def look(self, times: int = 3) -> int:
        """Look several times; returns the number of changes reported so far."""
        for _ in range(times):
            self.watcher.look()
        return self.changes


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    made = Watched(tmp_path)
    assert made.look() == 0
    return made


def edit(files: Watched) -> None:
    files.file.write_text("two")


def same_size_and_time(files: Watched) -> None:
    before = files.file.stat()
    files.file.write_text("two")
    os.utime(files.file, ns=(before.st_atime_ns, before.st_mtime_ns))


def rename_into_place(files: Watched) -> None:
    new = files.folder.parent / f"{files.folder.name}-new"
    new.write_text("two")
    new.replace(files.file)


def swap_folders(files: Watched) -> None:
    """As Kubernetes updates a mounted ConfigMap."""
    (files.folder / "..2").mkdir()
    (files.folder / "..2" / "linked.yaml").write_text("two")
    (files.folder / "..tmp").symlink_to("..2")
    (files.folder / "..tmp").replace(files.folder / "..data")
    shutil.rmtree(files.folder / "..1")


def swap_outside(files: Watched) -> None:
    """The folders are beside the watched one: only the target of the link changes."""
    (files.folder / "..1" / "linked.yaml").write_text("two")


def delete(files: Watched) -> None:
    files.file.unlink()


def delete_and_create(files: Watched) -> None:
    files.file.unlink()
    files.file.write_text("two")


def empty(files: Watched) -> None:
    files.file.write_text("")


def unreadable(files: Watched) -> None:
    files.file.write_bytes(b"\xff\xfe\x00")


def become_folder(files: Watched) -> None:
    files.file.unlink()
    files.file.mkdir()


def become_pipe(files: Watched) -> None:
    files.file.unlink()
    os.mkfifo(files.file)


def become_huge(files: Watched) -> None:
    os.truncate(files.file, 11_000_000)


def appear(files: Watched) -> None:
    (files.folder / "missing.yaml").write_text("new")


def match_a_pattern(files: Watched) -> None:
    (files.folder / "new.yaml").write_text("new")


def break_the_link(files: Watched) -> None:
    (files.folder / "..data").unlink()


CHANGES: list[Callable[[Watched], None]] = [
    *(edit, same_size_and_time, rename_into_place, swap_folders, swap_outside, delete, delete_and_create),
    *(empty, unreadable, become_folder, become_pipe, become_huge, appear, match_a_pattern, break_the_link),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_every_kind_of_change_is_one_change(watched: Watched, change: Callable[[Watched], None]) -> None:
    change(watched)
    assert watched.look(1) == 0, "it may not be complete yet"
    assert watched.look(1) == 1
    assert watched.look() == 1, "it is reported once"
    watched.read()
    assert watched.look() == 1, "it has been read"


def test_files_that_no_include_matches_are_no_change(watched: Watched) -> None:
    """Editors and handlers write files too."""
    for name in (".routes.yaml.swp", "routes.yaml~", "ledger"):
        (watched.folder / name).write_text("new")
    assert watched.look() == 0


def test_several_changes_at_once_are_one(watched: Watched) -> None:
    for change in (edit, appear, swap_folders):
        change(watched)
        assert watched.look(1) == 0
    assert watched.look() == 1


def test_a_file_that_is_written_slowly_is_waited_for(watched: Watched) -> None:
    with watched.file.open("w") as writer:
        for _ in range(5):
            writer.write("part ")
            writer.flush()
            assert watched.look(1) == 0
    assert watched.look() == 1


def test_files_that_never_come_to_rest_are_read_now_and_then(watched: Watched) -> None:
    """A program that writes all the time does not keep edits from being live."""
    reports = []
    for number in range(20):
        watched.file.write_text(f"edit {number}")
        reports.append(watched.look(1))
    assert reports[-1] == 2


def test_the_same_content_written_again_is_no_change(watched: Watched) -> None:
    watched.file.write_text("one")
    new = watched.folder.parent / f"{watched.folder.name}-new"
    new.write_text("one")
    new.replace(watched.file)
    assert watched.look() == 0


def test_a_change_while_the_files_were_being_read_is_noticed(watched: Watched) -> None:
    edit(watched)
    assert watched.look() == 1
    read_before = WatchedFiles({str(watched.file): digest_of(str(watched.file))})
    watched.file.write_text("three")
    watched.watcher.watch(read_before)
    assert watched.look() == 2


def test_a_change_that_is_taken_back_and_made_again_is_reported_again(watched: Watched) -> None:
    edit(watched)
    assert watched.look() == 1
    watched.file.write_text("one")
    assert watched.look() == 1
    edit(watched)
    assert watched.look() == 2


def test_contents_are_compared_even_if_nothing_seems_to_have_changed(tmp_path: Path) -> None:
    """Network file systems cache what ``stat`` returns."""

    class Unnoticed(WatchedFiles):
        def signatures(self) -> dict[str, str]:
            return {}

    file, seen = tmp_path / "f", threading.Event()
    file.write_text("one")
    watcher = FileWatcher(seen.set, reread=0)
    watcher.watch(Unnoticed({str(file): digest_of(str(file))}))
    for _ in range(3):
        watcher.look()
    assert not seen.is_set()
    file.write_text("two")

    def has_seen() -> bool:
        watcher.look()
        return seen.is_set()

    wait_until(has_seen, "the comparison of the contents")
    assert seen.is_set()


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Assert that no file stays open."""
    before = count_open_files()
    yield
    assert count_open_files() <= before


@pytest.mark.usefixtures("descriptors")
def test_its_thread_looks_by_itself_and_ends_with_it(tmp_path: Path) -> None:
    file, seen = tmp_path / "f", threading.Event()
    file.write_text("one")
    watcher = FileWatcher(seen.set, interval=0.01)
    watcher.watch(WatchedFiles({str(file): digest_of(str(file)), str(tmp_path): None}))
    watcher.start()
    file.write_text("two")
    wait_until(seen.is_set, "the change")
    watcher.close()
    assert [thread for thread in threading.enumerate() if thread.name == "streamroute watch"] == []


def test_a_look_that_fails_is_logged_once_and_the_next_one_follows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(WatchedFiles):
        looks = 0

        def signatures(self) -> Signatures:
            type(self).looks += 1
            if self.looks <= 3:
                raise TypeError("'NoneType' object is not callable")
            return super().signatures()

    file, seen = tmp_path / "f", threading.Event()
    watcher = FileWatcher(seen.set, interval=0.01)
    with watcher.watching(Failing({str(file): None})):
        file.write_text("one")
        wait_until(seen.is_set, "the change")
    assert caplog.messages == [
        "could not look for changed files; trying again: TypeError: 'NoneType' object is not callable"
    ]


def test_a_watcher_that_was_never_started_can_be_closed() -> None:
    watcher = FileWatcher(lambda: None)
    watcher.close()
    assert [thread for thread in threading.enumerate() if thread.name == "streamroute watch"] == []
