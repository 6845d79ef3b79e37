"""Candidates have the code that was on disk before they were read."""

from __future__ import annotations

from pathlib import Path

import pytest

from reload_fakes import FakeLoader, candidate
from streamroute.ops.reload.candidate import ReloadCause
from streamroute.ops.reload.code.code_folder import CodeFolder
from streamroute.ops.reload.code.code_watch import CodeWatch
from streamroute.ops.reload.code_loading import CodeLoader
from streamroute.ops.reload.watched_files import WatchedFiles, WatchedTogether


class Disk:
    """A folder with code, and a loader of candidates beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loader = FakeLoader()
        self.watch = CodeWatch(CodeFolder(str(folder)))
        self.load = CodeLoader(self.loader, self.watch)

    def write(self, text: str, *names: str) -> None:
        for name in names:
            (self.folder / name).write_text(text)


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def test_a_candidate_has_its_code_and_both_are_watched(disk: Disk) -> None:
    disk.write("one", "jobs.py")
    loaded = disk.load(ReloadCause.FILES, None, candidate("a"))
    assert loaded.candidate is not None
    assert loaded.candidate.code == disk.watch.read()
    assert loaded.watched == WatchedTogether((WatchedFiles({"a": None}), disk.watch.read()))


def test_with_a_configuration_that_is_refused_the_code_is_watched_too(disk: Disk) -> None:
    disk.loader.disk = "bad"
    loaded = disk.load(ReloadCause.FILES, None, candidate("a"))
    assert loaded.candidate is None
    assert loaded.watched == WatchedTogether((WatchedFiles({"bad": None}), disk.watch.read()))


def test_code_that_changes_while_the_configuration_is_read_is_not_in_the_candidate(disk: Disk) -> None:
    """So the watcher sees that it differs."""
    disk.write("one", "jobs.py")
    before = disk.watch.read()

    def load_slowly(*arguments: object) -> object:
        disk.write("two", "jobs.py")
        return FakeLoader()(ReloadCause.FILES, None, candidate("a"))

    loaded = CodeLoader(load_slowly, disk.watch)(ReloadCause.FILES, None, candidate("a"))  # type: ignore[arg-type]  # a fake
    assert loaded.candidate is not None
    assert loaded.candidate.code == before
    assert loaded.watched.now() != loaded.watched
