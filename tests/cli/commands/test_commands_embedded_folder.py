"""The embedded server's folder is below the configuration's, and only writing commands create it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

from projects import Done, Project

ROUTES: Final = (
    "version: 1\nstreams: {events: }\nroutes: [{name: a, type: t, handler: streamroute.handlers.log}]\n"
)
ENTRY: Final = "version: 1\ntests: [{name: one, message: {stream: events, id: 1-1}, routes: []}]\n"
READING: Final = (
    "check --no-import",
    "routes",
    "explain --type t",
    "test --redis",
    "dead list",
    "dead retry --all",
)
WRITING: Final = ("publish events --type t", "serve --drain")


@pytest.fixture
def folder(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with links that lead outside, beside a home folder."""
    folder = lone_project.folder / "project"
    for name in ("project", "home", "away"):
        (lone_project.folder / name).mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(lone_project.folder / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(lone_project.folder / "state"))
    Path("routes.test.yaml").write_text(ENTRY)
    Path("link").symlink_to("../away")
    Path("dangling").symlink_to("../absent")
    return folder


def configured(url: str | None) -> None:
    Path("routes.yaml").write_text(ROUTES + (f"redis: {{url: '{url}'}}\n" if url else ""))


def everything(folder: Path) -> list[Path]:
    return sorted(folder.parent.rglob("*"))


@pytest.mark.parametrize("arguments", [*READING, *WRITING])
def test_a_folder_elsewhere_is_a_finding_and_nothing_is_made(
    folder: Path, command: Callable[..., Done], arguments: str
) -> None:
    for url in (
        *("embedded:../away/data", f"embedded:{folder.parent}/made", "embedded:~/made", "embedded:link"),
        *(
            "embedded:link/data",
            "embedded:dangling",
            "embedded:inner/../../made",
            "${UNSET:-embedded:../away}",
        ),
    ):
        configured(url)
        before = everything(folder)
        done = command(*arguments.split())
        assert (done.code, done.out.count("SR021")) == (1, 1), url
        assert "routes.yaml:4:" in done.out
        assert everything(folder) == before


def test_the_usual_folder_may_be_no_link_to_elsewhere_either(
    folder: Path, command: Callable[..., Done]
) -> None:
    Path(".streamroute").symlink_to("../away")
    for url in (None, "embedded"):
        configured(url)
        done = command("check")
        assert (done.code, done.out.count("SR021")) == (1, 1)
    assert command("check", "--allow-outside").code == 0


@pytest.mark.parametrize("url", [None, "embedded", "embedded:data", "embedded:./inner/data"])
def test_read_only_commands_create_no_folder(
    folder: Path, command: Callable[..., Done], url: str | None
) -> None:
    configured(url)
    before = everything(folder)
    codes = {arguments: command(*arguments.split()).code for arguments in READING}
    assert everything(folder) == before
    assert codes == {name: 4 if name.startswith(("dead", "test")) else 0 for name in READING}
    assert "no embedded server has kept data in" in command("dead", "list").err


@pytest.mark.parametrize("name", ["appendonlydir", "dump.rdb", "server.lock"])
def test_data_that_came_with_the_project_is_left_as_it_is(
    folder: Path, command: Callable[..., Done], name: str
) -> None:
    configured("embedded")
    Path(".streamroute").mkdir()
    Path(".streamroute", name).touch()
    before = everything(folder)
    for arguments in ("test --redis", "dead list", "dead retry --all"):
        done = command(*arguments.split())
        assert (done.code, "does not touch the data in" in done.err) == (4, True)
    assert everything(folder) == before


@pytest.mark.parametrize(
    ("url", "options", "env"),
    [
        ("embedded:../away/data", ["--allow-outside"], {}),
        ("${REDIS_URL:-embedded}", [], {"REDIS_URL": "embedded:../away/data"}),
    ],
)
def test_a_data_folder_outside_is_used_with_the_option(
    folder: Path,
    command: Callable[..., Done],
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    options: list[str],
    env: Mapping[str, str],
) -> None:
    configured(url)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert command("publish", "events", "--type", "t", *options).code == 0
    assert (folder.parent / "away/data/appendonlydir").is_dir()
    assert command("dead", "list", *options).code == 0


def test_a_part_of_the_folder_from_a_variable_is_the_file_s_choice_and_never_shown(
    folder: Path, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", str(folder.parent / "s3cret"))
    configured("embedded:${SECRET}")
    done = command("check")
    assert (done.code, done.out.count("SR021")) == (1, 1)
    assert "s3cret" not in done.out + done.err


@pytest.mark.parametrize(
    "url", ["embedded:~nobody-of-this-name/x", "embedded:" + "x" * 5000, "embedded:routes.yaml"]
)
def test_an_unusable_data_folder_is_reported_on_one_line(
    folder: Path, command: Callable[..., Done], url: str
) -> None:
    configured(url)
    assert command("check").code == 0
    assert command("dead", "list").code == 4
    if "nobody" not in url:
        assert (
            "the embedded server cannot keep its data in" in command("publish", "events", "--type", "t").err
        )


@pytest.mark.parametrize("escape", ["\\0", "\\ud800", "\\n", "\\e[2J"])
def test_a_folder_with_invalid_characters_is_an_error(
    folder: Path, command: Callable[..., Done], escape: str
) -> None:
    Path("routes.yaml").write_text(f'{ROUTES}redis: {{url: "embedded:a{escape}b"}}\n')
    for arguments in READING:
        done = command(*arguments.split())
        assert done.code in {0, 1, 4}, done.err
        assert "\x1b" not in done.out + done.err
        assert escape != "\\0" or "SR505" in done.out
