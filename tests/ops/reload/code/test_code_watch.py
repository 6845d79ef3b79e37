"""What is read as the code of a service: its folder, and what it imported from elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamroute.ops.reload.code.code_folder import CodeFolder
from streamroute.ops.reload.code.code_watch import CodeWatch
from streamroute.ops.reload.watched_files import WatchedFiles, digest_of

WRITTEN = 1_000_000_000.0  # the time of all files, in seconds since the epoch
EARLIER, LATER = WRITTEN - 60, WRITTEN + 60


def module(folder: Path, name: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("one")
    os.utime(folder / name, (WRITTEN, WRITTEN))
    return str(folder / name)


def test_modules_from_elsewhere_are_read_once_they_are_known(tmp_path: Path) -> None:
    own, other = module(tmp_path / "site", "jobs.py"), module(tmp_path, "library.py")
    watch, added = CodeWatch(CodeFolder(str(tmp_path / "site"))), list[WatchedFiles]()
    watch.on_modules = added.append
    assert watch.read().modules == {}
    assert watch.add([own, other], LATER) == {other: digest_of(other)}
    assert watch.add([other], LATER) == {}
    assert added == [WatchedFiles({other: digest_of(other)})]
    code = watch.read()
    assert [*code.tree] == [own]
    assert [*code.modules] == [other]


def test_a_module_that_changed_while_it_may_have_been_imported_differs_from_the_disk(tmp_path: Path) -> None:
    other = module(tmp_path, "library.py")
    watch, added = CodeWatch(CodeFolder(str(tmp_path / "site"))), list[WatchedFiles]()
    watch.on_modules = added.append
    archived = str(tmp_path / "archive.zip" / "module.py")
    state = watch.add([archived, other], EARLIER)
    assert added == [WatchedFiles(state)]
    now = watch.read().modules
    assert now[other] != state[other]
    assert now[archived] is state[archived] is None


def test_the_number_of_modules_is_limited(tmp_path: Path) -> None:
    watch = CodeWatch(CodeFolder(str(tmp_path)), max_modules=3)
    watch.add(["/a.py", "/b.py"], LATER)
    watch.add(["/e.py", "/d.py", "/c.py"], LATER)
    assert watch.modules == {"/a.py", "/b.py", "/c.py"}


def test_a_folder_with_too_many_files_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.py", "b.py"):
        module(tmp_path, name)
    watch = CodeWatch(CodeFolder(str(tmp_path), max_files=1))
    assert len(watch.read().tree) == len(watch.read().tree) == 1
    assert caplog.messages == [
        f"{tmp_path} has too many files to follow them all: of its Python files, the nearest 1 are watched"
    ]
