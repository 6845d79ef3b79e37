"""What the user names is read wherever it is, but through no link of a stranger's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamroute.system.named_files import open_named, read_named, real_path
from streamroute.system.opening import FileTooLargeError, NotRegularError, OutsideFolderError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project, beside which lies a file that is none of its business."""
    (tmp_path / "away").mkdir()
    (tmp_path / "away/secret").write_text("secret")
    project = tmp_path / "project"
    (project / "inner").mkdir(parents=True)
    (project / "inner/file").write_text("content")
    return project


@pytest.fixture
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, as the working folder."""
    monkeypatch.chdir(folder)
    return folder


def test_a_stream_of_the_shell_is_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"piped")
    os.close(writing)
    try:
        assert read_named(f"/dev/fd/{reading}") == b"piped"
    finally:
        os.close(reading)


@pytest.mark.timeout(60)
def test_an_endless_stream_ends_at_the_limit() -> None:
    with pytest.raises(FileTooLargeError):
        read_named("/dev/zero", limit=1_000_000)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("outside", [False, True])
def test_a_pipe_that_lies_in_the_folder_is_not_waited_for(folder: Path, outside: bool) -> None:
    os.mkfifo(folder / "routes.yaml")
    with pytest.raises(NotRegularError):
        read_named(folder / "routes.yaml", outside=outside)


def test_a_file_may_not_be_a_link_to_elsewhere(folder: Path) -> None:
    (folder / "link").symlink_to("../away/secret")
    (folder / "near").symlink_to("inner/file")
    with pytest.raises(OutsideFolderError, match="the file is a link that points outside its folder"):
        read_named(folder / "link")
    assert read_named(folder / "near") == b"content"
    assert read_named(folder / "link", outside=True) == b"secret"


@pytest.mark.parametrize("path", ["up/secret", "inner/up/secret", "inner/../up/secret", "chain/secret"])
def test_a_link_in_the_working_folder_is_not_followed_out_of_it(inside: Path, path: str) -> None:
    for link in ("up", "inner/up"):
        Path(link).symlink_to(inside.parent / "away")
    Path("chain").symlink_to("inner/up")
    for spelt in (path, f"../project/{path}", str(inside / path)):
        with pytest.raises(OutsideFolderError, match=r"(up|chain) is a link that points outside its folder"):
            read_named(spelt)
        assert read_named(spelt, outside=True) == b"secret"


def test_a_link_in_the_working_folder_is_followed_to_a_place_below_it(inside: Path) -> None:
    Path("current").symlink_to("inner")
    Path("here").symlink_to(".")
    for path in ("current/file", "here/current/file", "current/../inner/file", "../project/inner/file"):
        assert read_named(path) == b"content"


def test_a_link_elsewhere_is_how_the_machine_is_arranged(folder: Path, inside: Path) -> None:
    """A project that is kept on another disk; the working folder itself, which was come to by a link."""
    (folder.parent / "arranged").symlink_to("/")
    (folder.parent / "mine").symlink_to(folder)
    assert read_named(folder.parent / f"arranged{folder}/inner/file") == b"content"
    assert read_named("../mine/inner/file") == b"content"


@pytest.mark.parametrize("top", [".git", ".hg", ".svn", ".jj"])
def test_a_link_in_a_checkout_is_not_followed_out_of_its_folder(folder: Path, top: str) -> None:
    """Wherever the command runs."""
    (folder / top).touch()  # a file, as in a worktree of git
    (folder / "inner/up").symlink_to(folder.parent / "away")
    with pytest.raises(OutsideFolderError, match="inner/up is a link that points outside"):
        read_named(folder / "inner/up/secret")


def test_a_link_into_proc_is_never_followed(inside: Path) -> None:
    for link in ("self", "fd", "dev"):
        Path(link).symlink_to({"self": "/proc/self", "fd": "/dev/fd", "dev": "/dev"}[link])
    for path in ("self/environ", "fd/0", "dev/zero", "dev/stdin"):
        with pytest.raises(OutsideFolderError):
            read_named(path)


@pytest.mark.parametrize("path", ["config", "history/config"])
def test_a_link_into_version_control_is_not_followed(inside: Path, path: str) -> None:
    """It holds what a CI logs in with."""
    Path(".git").mkdir()
    Path(".git/config").write_text("token")
    Path("config").symlink_to(".git/config")
    Path("history").symlink_to(".git")
    with pytest.raises(OutsideFolderError):
        read_named(path)
    assert read_named(".git/config") == b"token"  # which the user named


def test_links_in_a_circle_lead_nowhere(inside: Path) -> None:
    Path("one").symlink_to("two")
    Path("two").symlink_to("one")
    with pytest.raises(OSError, match="link"):
        read_named("one")
    with pytest.raises(OSError, match=r"link|directory"):
        read_named("one/file")


def test_a_folder_that_becomes_a_link_after_the_look_is_not_followed(
    inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = os.path.islink

    def change(path: str) -> bool:
        found = look(path)
        if path.endswith("file") and not Path("moved").exists():
            Path("inner").rename("moved")
            Path("inner").symlink_to(inside.parent)
            (inside.parent / "file").write_text("secret")
        return found

    monkeypatch.setattr(os.path, "islink", change)
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        read_named("inner/file")


def test_a_folder_that_is_named_is_held_to_what_holds_for_those_on_the_way(
    folder: Path, inside: Path
) -> None:
    (folder.parent / "mine").symlink_to("/")
    Path("up").symlink_to("..")
    assert real_path("../mine", folder=True) == "/"
    assert real_path("inner", folder=True) == str(inside / "inner")
    with pytest.raises(OutsideFolderError, match="up is a link"):
        real_path("up", folder=True)


def test_refused_files_leave_no_descriptor_open(inside: Path) -> None:
    os.mkfifo("pipe")
    before = set(os.listdir("/dev/fd"))  # noqa: PTH208 - pathlib would give paths
    for path in ("pipe", "inner", "absent", "inner/absent"):
        for outside in (False, True):
            with pytest.raises(OSError):
                open_named(path, outside=outside)
    assert set(os.listdir("/dev/fd")) == before  # noqa: PTH208 - as above
