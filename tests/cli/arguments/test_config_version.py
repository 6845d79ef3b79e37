"""A version of a configuration: files, or the same files at a revision of their git repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from git_repository import Repository
from streamroute.cli.arguments.config_version import ConfigVersion, open_version
from streamroute.compiler.pipeline import check_path
from streamroute.config.load import recording_reader
from streamroute.ops.generations.store import GenerationStore


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    made = Repository(tmp_path)
    made.commit(routes_yaml="old", shop__routes_yaml="old shop", shop__other_yaml="old other")
    made.commit(routes_yaml="new", shop__routes_yaml="new shop", shop__other_yaml="new other")
    monkeypatch.chdir(tmp_path)
    with click.Context(click.Command("diff")):
        yield made


def opened(argument: str, other: str = "routes.yaml") -> tuple[str, bytes]:
    """Return the root file of a version, and its content."""
    with open_version(argument, other) as version:
        return str(version.root), _content(version)


def _content(version: ConfigVersion) -> bytes:
    return version.root.read_bytes() if version.files is None else version.files.read_root(version.root)


@pytest.mark.parametrize(
    ("argument", "other", "root", "content"),
    [
        ("routes.yaml", "git:HEAD", "routes.yaml", b"new"),
        ("shop", "git:HEAD", "shop/routes.yaml", b"new shop"),
        ("git:HEAD~1", "routes.yaml", "routes.yaml", b"old"),
        ("git:HEAD~1", "shop", "shop/routes.yaml", b"old shop"),
        ("git:HEAD~1", "shop/other.yaml", "shop/other.yaml", b"old other"),
        ("git:HEAD~1", "git:HEAD", "routes.yaml", b"old"),
        ("git:HEAD~1:shop", "routes.yaml", "shop/routes.yaml", b"old shop"),
        ("git:HEAD~1:shop/other.yaml", "routes.yaml", "shop/other.yaml", b"old other"),
        ("git:main@{0}", "routes.yaml", "routes.yaml", b"new"),
        ("git:main@{2030-01-01 10:00}:shop", "routes.yaml", "shop/routes.yaml", b"new shop"),
    ],
)
def test_a_version_is_found(
    repository: Repository, argument: str, other: str, root: str, content: bytes
) -> None:
    assert opened(argument, other) == (root, content)


def test_a_path_at_a_revision_is_relative_to_the_top_or_to_here(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.folder / "shop")
    assert opened("git:HEAD~1") == ("routes.yaml", b"old shop")
    assert opened("git:HEAD~1:routes.yaml") == ("../routes.yaml", b"old")
    assert opened("git:HEAD~1:./other.yaml") == ("other.yaml", b"old other")
    assert opened("git:HEAD~1:../routes.yaml") == ("../routes.yaml", b"old")


def test_a_file_that_was_deleted_since_is_found(repository: Repository) -> None:
    (repository.folder / "shop/other.yaml").unlink()
    assert opened("git:HEAD~1:shop/other.yaml") == ("shop/other.yaml", b"old other")


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("git:", "git: names no revision; write git:REV or git:REV:PATH"),
        ("git::shop", "git::shop names no revision; write git:REV or git:REV:PATH"),
        ("git:none", "git:none: the repository has no such revision"),
        ("git:HEAD:none", "git:HEAD:none: there is no none at this revision"),
        ("git:HEAD:../x", "git:HEAD:../x: there is no ../x at this revision"),
        ("none", "none does not exist"),
    ],
)
def test_a_version_that_does_not_exist_is_a_usage_error(
    repository: Repository, argument: str, expected: str
) -> None:
    with pytest.raises(click.UsageError) as caught:
        opened(argument)
    assert str(caught.value) == expected


def test_a_revision_is_read_at_once(repository: Repository) -> None:
    """However many braces it has: a reading that tries each of them in two ways would not end."""
    with pytest.raises(click.UsageError, match=r"names no revision; write git:REV"):
        opened(f"git:{'@{a}' * 60}:")


def test_a_file_without_a_past_needs_a_path(repository: Repository) -> None:
    repository.write("new.yaml", "new")
    with pytest.raises(click.UsageError) as caught:
        opened("git:HEAD", "new.yaml")
    expected = "git:HEAD: there is no new.yaml at this revision; name its path then: git:HEAD:PATH"
    assert str(caught.value) == expected


def test_files_outside_the_configuration_folder_are_refused(repository: Repository) -> None:
    with open_version("git:HEAD:shop", "routes.yaml") as version:
        assert version.files is not None
        assert version.files.allows("shop/other.yaml")
        assert not version.files.allows("routes.yaml")


def stored(folder: Path, name: str) -> str:
    """Store a generation of shop/routes.yaml with one route, and return its hash."""
    Path("shop/routes.yaml").write_text(ROUTES.format(name=name))
    reader = recording_reader("shop/routes.yaml")
    document = check_path("shop/routes.yaml", imports=False, files=reader).document
    assert document is not None
    GenerationStore(folder).add(reader.record(), document)
    return document.generation


ROUTES = (
    "version: 1\nstreams: {{a: }}\nroutes: [{{name: {name}, type: t, handler: streamroute.handlers.log}}]\n"
)


def test_a_stored_generation_is_found_by_the_start_of_its_hash(
    repository: Repository, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    first, second = stored(state, "one"), stored(state, "two")
    for argument in (first, first[:6].upper()):
        with open_version(argument, "shop", str(state)) as version:
            assert version.name == f"generation {first}"
            assert b"name: one" in _content(version)
    with open_version("git:HEAD", second, str(state)) as version:
        assert _content(version) == b"new"
    with pytest.raises(click.UsageError, match=r"ffff is neither a file nor a stored generation: "):
        open_version("ffff", "shop", str(state)).__enter__()


def test_a_file_with_the_name_of_a_hash_is_a_file(repository: Repository) -> None:
    repository.write("abcd", "a file")
    assert opened("abcd") == ("abcd", b"a file")
