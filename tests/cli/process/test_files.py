"""Files are created if missing, replaced as a whole, and never through a link to another place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from projects import Done
from streamroute.cli.process import files
from streamroute.cli.process.files import create, replace
from streamroute.errors import StreamrouteError
from streamroute.system.files import FileReader

EVENTS = '{"type": "t"}\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.mark.parametrize("name", ["routes.yaml", "events.jsonl", "greetings/handlers.py"])
def test_init_writes_through_no_dangling_link(project: Path, command: Callable[..., Done], name: str) -> None:
    Path(name).parent.mkdir(exist_ok=True)
    Path(name).symlink_to(project.parent / "victim")
    done = command("init")
    assert (done.code, "nothing was written" in done.err) == (1, True)
    assert not (project.parent / "victim").exists()


def test_init_writes_into_no_folder_that_is_elsewhere(project: Path, command: Callable[..., Done]) -> None:
    (project.parent / "elsewhere").mkdir()
    Path("greetings").symlink_to("../elsewhere")
    done = command("init")
    assert done.code == 1
    assert "greetings is a link that leads out of the folder" in done.err
    assert list((project.parent / "elsewhere").iterdir()) == []
    assert [path.name for path in project.iterdir()] == ["greetings"]


@pytest.mark.parametrize("folder", ["link", "link/below", "link/new"])
def test_init_writes_through_no_link_out_of_the_working_folder(
    project: Path, command: Callable[..., Done], folder: str
) -> None:
    elsewhere = project.parent / "elsewhere"
    (elsewhere / "below").mkdir(parents=True)
    Path("link").symlink_to("../elsewhere")
    done = command("init", folder)
    assert done.code == 1
    assert "link is a link that points outside its folder" in done.err
    assert [path.name for path in elsewhere.rglob("*")] == ["below"]


@pytest.mark.parametrize("link", ["inner", "../mine"])
def test_init_writes_a_whole_project_behind_a_link_that_it_may_follow(
    project: Path, command: Callable[..., Done], link: str
) -> None:
    Path("kept").mkdir()
    Path(link).symlink_to("kept" if link == "inner" else project / "kept")
    assert command("init", link).code == 0
    assert command("check", link).code == 0
    assert Path("kept/greetings/handlers.py").is_file()


@pytest.mark.parametrize("taken", ["greetings", "."])
def test_init_writes_nothing_where_it_could_not_write_all(
    project: Path, command: Callable[..., Done], taken: str
) -> None:
    folder = Path("new")
    if taken == ".":
        folder.symlink_to("absent")
    else:
        folder.mkdir()
        (folder / taken).touch()
    done = command("init", str(folder))
    assert done.code in {1, 2}
    assert "is not a folder" in done.err
    assert [path.name for path in project.rglob("*")] == ["new", *[taken] * (taken != ".")]


def test_init_removes_its_files_if_it_fails(
    project: Path, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = files._write

    def fails(name: str, *arguments: Any) -> None:
        if name == "routes.yaml":
            raise OSError(28, "No space left on device")
        write(name, *arguments)

    monkeypatch.setattr(files, "_write", fails)
    assert "No space left" in command("init").err
    assert [path for path in project.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["routes.test.yaml", "tests.schema.json"])
def test_a_first_file_of_tests_is_written_through_no_dangling_link(
    project: Path, command: Callable[..., Done], name: str
) -> None:
    Path("routes.yaml").write_text("version: 1\nstreams: {a: }\nroutes: []\n")
    Path("events.jsonl").write_text(EVENTS)
    Path(name).symlink_to(project.parent / "victim")
    command("test", "--init", "events.jsonl")
    assert not (project.parent / "victim").exists()
    assert Path(name).is_symlink()


def test_existing_files_are_never_overwritten(project: Path) -> None:
    Path("file").write_text("mine")
    with pytest.raises(StreamrouteError, match="file cannot be written: File exists"):
        create(Path("file"), b"other", project)
    assert Path("file").read_text() == "mine"


def test_a_folder_in_which_a_link_has_any_name_is_written_to(project: Path) -> None:
    Path("x").symlink_to("/etc")
    create(project / "new/file", b"content", project)
    assert Path("new/file").read_bytes() == b"content"


def test_a_replaced_file_keeps_its_mode_and_leaves_nothing_else(project: Path) -> None:
    Path("file").write_text("before")
    Path("file").chmod(0o750)
    assert replace("file", b"before", b"after", FileReader(project))
    assert not replace("file", b"before", b"again", FileReader(project))
    assert (Path("file").read_text(), Path("file").stat().st_mode & 0o777) == ("after", 0o750)
    assert [path.name for path in project.iterdir()] == ["file"]


def test_a_replacement_that_fails_leaves_the_old_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    Path("file").write_text("before")
    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(StreamrouteError, match="No space left"):
        replace("file", b"before", b"after", FileReader(project))
    assert [(path.name, path.read_text()) for path in project.iterdir()] == [("file", "before")]
