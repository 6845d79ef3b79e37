"""Files that a stranger may have named: what is read is regular, of bounded size, and below one folder."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from streamroute.system.files import FileReader
from streamroute.system.opening import FileTooLargeError, NotRegularError, OutsideFolderError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project, beside which lies a file that is none of its business."""
    (tmp_path / "secret").write_text("secret")
    project = tmp_path / "project"
    (project / "inner").mkdir(parents=True)
    (project / "inner/file").write_text("content")
    return project


def test_a_file_below_the_folder_is_read_however_it_is_spelt(folder: Path) -> None:
    files = FileReader(folder)
    (folder / "link").symlink_to("inner/file")
    (folder / "linked").symlink_to(folder / "inner")
    for path in ("inner/file", "inner/../inner/file", "link", "linked/file", "../project/link"):
        assert files.read(folder / path) == b"content"


def test_the_folder_itself_may_be_a_link(folder: Path) -> None:
    (folder.parent / "current").symlink_to(folder)
    assert FileReader(folder.parent / "current").read(folder / "inner/file") == b"content"
    assert FileReader(folder).read(folder.parent / "current/inner/file") == b"content"


def lead_out(folder: Path) -> list[Path]:
    (folder / "link").symlink_to("../secret")
    (folder / "chain").symlink_to("link")
    (folder / "up").symlink_to("..")
    (folder / "dangling").symlink_to("../absent")
    names = ("link", "chain", "up/secret", "dangling", "../secret", "inner/../../secret")
    return [
        *(folder / name for name in names),
        folder.parent / "secret",
        Path("/etc/passwd"),
        Path("/proc/self/environ"),
    ]


def test_files_outside_the_folder_are_refused_and_never_quoted(folder: Path) -> None:
    files = FileReader(folder)
    for path in lead_out(folder):
        assert not files.allows(path)
        with pytest.raises(OutsideFolderError) as refused:
            files.read(path)
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize("top", [".git", ".GIT", ".hg", ".svn", "inner/.git"])
def test_folders_of_version_control_count_as_outside(folder: Path, top: str) -> None:
    (folder / top).mkdir()
    (folder / top / "config").write_text("secret")
    (folder / "link").symlink_to(f"{top}/config")
    (folder / "linked").symlink_to(top)
    for path in (f"{top}/config", "link", "linked/config", f"inner/../{top}/config"):
        assert not FileReader(folder).allows(folder / path)
        with pytest.raises(OutsideFolderError):
            FileReader(folder).read(folder / path)
    assert FileReader(folder / top).read(folder / top / "config") == b"secret"


def test_a_folder_whose_name_begins_alike_is_another(folder: Path) -> None:
    (folder.parent / "project-2").mkdir()
    (folder.parent / "project-2/file").touch()
    assert not FileReader(folder).allows(folder.parent / "project-2/file")


def test_without_a_folder_every_path_may_be_read(folder: Path) -> None:
    assert FileReader().read(folder.parent / "secret") == b"secret"
    assert FileReader("/").read(folder.parent / "secret") == b"secret"


def test_a_link_that_is_put_there_after_the_look_is_not_followed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = os.path.realpath

    def change(path: str | Path) -> str:
        real = look(path)
        if not (folder / "moved").exists():
            (folder / "inner").rename(folder / "moved")
            (folder / "inner").symlink_to(folder.parent)
            (folder.parent / "file").write_text("secret")
        return real

    files = FileReader(folder)
    monkeypatch.setattr(os.path, "realpath", change)
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        files.read(folder / "inner/file")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("files", ["below", "anywhere"])
def test_devices_pipes_and_sockets_are_refused_without_waiting(folder: Path, files: str) -> None:
    reader = FileReader(folder) if files == "below" else FileReader()
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
        for name in ("pipe", "socket"):
            with pytest.raises(NotRegularError, match=f"it is a {name}, not a file"):
                reader.read(folder / name)
    for device in ("/dev/zero", "/dev/tty"):
        with pytest.raises(NotRegularError, match="it is a device"):
            FileReader().read(device)


def test_a_folder_is_no_file(folder: Path) -> None:
    for path in (folder, folder / "inner"):
        with pytest.raises(IsADirectoryError):
            FileReader(folder).read(path)


def test_a_file_is_read_up_to_its_limit(folder: Path) -> None:
    files = FileReader(folder)
    assert files.read(folder / "inner/file", limit=7) == b"content"
    with pytest.raises(FileTooLargeError, match=r"the file is larger than 6e-06 MB"):
        files.read(folder / "inner/file", limit=6)


def test_all_files_together_have_a_limit(folder: Path) -> None:
    files = FileReader(folder, total=20)
    assert files.read(folder / "inner/file") == b"content"
    assert files.read(folder / "inner/file") == b"content"
    with pytest.raises(
        FileTooLargeError, match=r"the files of the configuration are larger than .* together"
    ):
        files.read(folder / "inner/file")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_file_that_hides_its_size_is_read_up_to_its_limit() -> None:
    with pytest.raises(FileTooLargeError):
        FileReader("/proc").read("/proc/self/smaps", limit=100)


@pytest.mark.timeout(60)
def test_a_pipe_that_is_put_there_after_the_look_is_not_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = os.stat

    def change(path: str | Path, **options: Any) -> os.stat_result:
        found = look(path, **options)
        if str(path).endswith("file") and not (folder / "inner/old").exists():
            (folder / "inner/file").rename(folder / "inner/old")
            os.mkfifo(folder / "inner/file")
        return found

    monkeypatch.setattr(os, "stat", change)
    with pytest.raises(NotRegularError):
        FileReader(folder).read(folder / "inner/file")


def test_a_file_below_a_folder_that_may_be_entered_and_not_listed_is_read(folder: Path) -> None:
    """How a home folder often is."""
    (folder / "inner").chmod(0o311)
    assert FileReader(folder).read(folder / "inner/file") == b"content"
