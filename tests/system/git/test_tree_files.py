"""The files of a commit are read as if they were checked out; nothing else of the machine is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_repository import Repository
from streamroute.system.git.objects import GitError, GitObjects, top_level
from streamroute.system.git.tree_files import GitFiles
from streamroute.system.opening import FileKind, FileTooLargeError, NotRegularError, OutsideFolderError


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Repository(folder)


@pytest.fixture
def objects(repository: Repository) -> Iterator[GitObjects]:
    with GitObjects(str(repository.folder)) as reader:
        yield reader


def files_at(objects: GitObjects, repository: Repository, revision: str = "HEAD") -> GitFiles:
    return GitFiles(objects, str(repository.folder), revision)


def test_a_file_is_that_of_the_revision(repository: Repository, objects: GitObjects) -> None:
    first = repository.commit(routes_yaml="one", conf__a_yaml="a")
    repository.commit(routes_yaml="two")
    repository.write("routes.yaml", "three")
    assert files_at(objects, repository, first).read("routes.yaml") == b"one"
    assert files_at(objects, repository, "main~1").read_root("./conf/../routes.yaml") == b"one"
    files = files_at(objects, repository)
    assert files.read(repository.folder / "routes.yaml") == b"two"
    assert files.read("conf/a.yaml") == b"a"
    assert files.absolute("routes.yaml") == str(repository.folder / "routes.yaml")


def test_the_working_folder_need_not_exist_in_the_commit(
    repository: Repository, objects: GitObjects, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit(conf__a_yaml="a")
    (repository.folder / "new").mkdir()
    monkeypatch.chdir(repository.folder / "new")
    files = files_at(objects, repository)
    assert files.read("../conf/a.yaml") == b"a"
    assert files.read(files.absolute("../conf/a.yaml")) == b"a"
    assert files.kind(".") is FileKind.MISSING


def test_a_folder_lists_the_names_of_the_revision(repository: Repository, objects: GitObjects) -> None:
    repository.commit(conf__a_yaml="a", conf__inner__b_yaml="b")
    repository.write("conf/new.yaml", "")
    files = files_at(objects, repository)
    entries = {entry.name: entry.is_dir() for entry in files.entries("conf")}
    assert entries == {"a.yaml": False, "inner": True}
    assert files.listing("missing") == []
    with pytest.raises(NotADirectoryError):
        list(files.entries("conf/a.yaml"))


def test_links_lead_to_files_of_the_same_revision(
    repository: Repository, objects: GitObjects, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    repository.commit(conf__a_yaml="a")
    for name, target in {
        "link.yaml": "conf/a.yaml",
        "folder": "conf",
        "absolute": str(repository.folder / "conf"),
        "out": str(tmp_path / "secret"),
        "above": "../secret",
        "loop": "loop",
    }.items():
        (repository.folder / name).symlink_to(target)
    repository.commit(conf__a_yaml="a")
    repository.write("conf/a.yaml", "changed")
    files = files_at(objects, repository)
    for path in ("link.yaml", "folder/a.yaml", "absolute/a.yaml"):
        assert files.read(path) == b"a"
        assert files.real_path(path) == str(repository.folder / "conf/a.yaml")
    for path in ("out", "above", "loop"):
        assert files.kind(path) is FileKind.BROKEN_LINK
        with pytest.raises(FileNotFoundError):
            files.read(path)
    assert {entry.name for entry in files.entries(".") if entry.is_dir()} == {"conf", "folder", "absolute"}


def test_kinds(repository: Repository, objects: GitObjects) -> None:
    repository.commit(conf__a_yaml="a")
    files = files_at(objects, repository)
    kinds = {
        path: files.kind(path)
        for path in ("conf", "conf/a.yaml", "conf/a.yaml/x", "none", "..", "/etc", "a\0")
    }
    assert kinds == {
        "conf": FileKind.FOLDER,
        "conf/a.yaml": FileKind.FILE,
        "conf/a.yaml/x": FileKind.MISSING,
        "none": FileKind.MISSING,
        "..": FileKind.FOLDER,
        "/etc": FileKind.MISSING,
        "a\0": FileKind.MISSING,
    }
    with pytest.raises(IsADirectoryError):
        files.read("conf")


def test_files_outside_the_folder_are_refused(repository: Repository, objects: GitObjects) -> None:
    repository.commit(conf__a_yaml="a", other__b_yaml="b")
    files = GitFiles(objects, str(repository.folder), "HEAD", str(repository.folder / "conf"))
    assert files.read("conf/a.yaml") == b"a"
    with pytest.raises(OutsideFolderError):
        files.read("other/b.yaml")
    with pytest.raises(OutsideFolderError):
        files.read("/etc/passwd")


def test_a_large_file_is_not_read(repository: Repository, objects: GitObjects) -> None:
    repository.commit(a_yaml="x" * 100, b_yaml="b")
    files = files_at(objects, repository)
    with pytest.raises(FileTooLargeError):
        files.read("a.yaml", limit=99)
    assert files.read("b.yaml") == b"b"
    assert files.read("a.yaml", limit=100) == b"x" * 100


def test_a_submodule_is_an_empty_folder(repository: Repository, objects: GitObjects, tmp_path: Path) -> None:
    commit = repository.commit(a_yaml="a")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{commit},module")
    repository.git("commit", "-q", "-m", "a submodule")
    files = files_at(objects, repository)
    assert files.kind("module") is FileKind.FOLDER
    assert list(files.entries("module")) == []


def test_a_file_that_was_not_fetched_is_refused(
    repository: Repository, objects: GitObjects, tmp_path: Path
) -> None:
    repository.commit(a_yaml="a")
    blob = repository.git("rev-parse", "HEAD:a.yaml")
    (repository.folder / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(NotRegularError):
        files_at(objects, repository).read("a.yaml")


@pytest.mark.parametrize("revision", ["none", "HEAD:a.yaml", "--help", "a\nb", "a\0b", "HEAD^{tree}"])
def test_what_is_no_revision_is_refused(repository: Repository, objects: GitObjects, revision: str) -> None:
    repository.commit(a_yaml="a")
    with pytest.raises(GitError, match="no such revision"):
        files_at(objects, repository, revision)


def test_no_program_of_the_repository_runs(
    repository: Repository, objects: GitObjects, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\nexec cat\n")
    program.chmod(0o755)
    repository.commit(a_yaml="a", _gitattributes="* filter=x diff=x\n")
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "filter.x.smudge", "diff.x.textconv"):
        repository.git("config", key, str(program))
    assert top_level(str(repository.folder)) == str(repository.folder)
    assert files_at(objects, repository).read("a.yaml") == b"a"
    assert not ran.exists()


def test_a_folder_without_a_repository_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(GitError, match="git cannot read a repository here: 'not a git repository"):
        top_level(str(tmp_path))


def test_a_machine_without_git_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="git is not installed"):
        top_level(str(tmp_path))
    with pytest.raises(GitError, match="git is not installed"), GitObjects(str(tmp_path)) as reader:
        reader.read("HEAD")


def test_the_process_ends_with_the_block(repository: Repository) -> None:
    repository.commit(a_yaml="a")
    with GitObjects(str(repository.folder)) as reader:
        assert reader.read("HEAD^{commit}") is not None
        process = reader._process
    assert process is not None
    assert process.returncode is not None
