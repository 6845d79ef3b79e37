"""``test`` runs no code and contacts no server by itself; files elsewhere are read if that is allowed."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from projects import Done, Project

ENTRY: Final = "version: 1\ntests: [{name: one, message: {stream: events, id: 1-1}, routes: []}]\n"
OWNED: Final = "import pathlib\npathlib.Path(__file__).with_name('owned').touch()\n"
SHARED: Final = "version: 1\nroutes: [{name: shared, type: t, handler: streamroute.handlers.log}]\n"


@pytest.fixture
def folder(lone_project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose every module leaves a trace when it is imported."""
    monkeypatch.chdir(lone_project.folder)
    monkeypatch.setenv("CI_SECRET", "hunter2")
    for name in ("codecs", "wiring", "shop"):
        Path(f"{name}_of_project.py").write_text(OWNED)
    return lone_project.folder


def routes(url: str, codec: str = "json") -> None:
    Path("routes.yaml").write_text(
        f"version: 1\nredis: {{url: '{url}'}}\nstreams: {{events: {{codec: {codec}}}}}\n"
        "container: wiring_of_project.build\n"
        "routes: [{name: own, type: t, handler: shop_of_project.run}]\n"
    )


def test_a_test_that_names_an_entry_asks_no_server_unless_it_is_allowed_to(
    folder: Path, command: Callable[..., Done]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        routes(
            f"redis://:${{CI_SECRET}}@127.0.0.1:{server.getsockname()[1]}/0", codec="codecs_of_project.codec"
        )
        Path("routes.test.yaml").write_text(ENTRY)
        done = command("test")
        with pytest.raises(BlockingIOError):
            server.accept()
    assert done.code == 1
    assert 'the entry 1-1 of "events" was not read: run the tests with --redis' in done.out
    assert not Path("owned").exists()


def test_no_embedded_server_is_started_on_data_of_the_project(
    folder: Path, command: Callable[..., Done]
) -> None:
    routes("embedded")
    Path("routes.test.yaml").write_text(ENTRY)
    Path(".streamroute").mkdir()
    for name in ("server.lock", "valkey.log"):
        Path(".streamroute", name).symlink_to(folder / "victim")
    assert command("test").code == 1
    assert command("test", "--redis").code == 4
    assert not Path("victim").exists()
    assert not Path("owned").exists()


def test_a_codec_of_the_project_is_imported_only_where_that_is_allowed(
    folder: Path, command: Callable[..., Done]
) -> None:
    routes("redis://127.0.0.1:1", codec="codecs_of_project.codec")
    Path("routes.test.yaml").write_text(ENTRY)
    done = command("test", "--redis")
    assert done.code == 1
    assert (
        'run the tests with --import, which runs the project\'s codec "codecs_of_project.codec"' in done.out
    )
    assert not Path("owned").exists()
    command("test", "--redis", "--import")
    assert Path("owned").exists()


COMMANDS: Final = (
    "check --no-import", "routes", "explain --type t", "test", "serve --drain --no-embedded",
    "publish events --type t --no-embedded", "dead list --no-embedded",
)  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS)
def test_every_command_with_a_configuration_has_the_option_to_read_outside(
    folder: Path, command: Callable[..., Done], arguments: str
) -> None:
    Path("../shared.yaml").write_text(SHARED)
    Path("routes.test.yaml").write_text(
        "version: 1\ntests: [{name: one, message: {type: t}, routes: [shared]},"
        " {name: two, message: {type: u}, routes: []}]\n"
    )
    Path("routes.yaml").write_text("version: 1\nstreams: {events: }\ninclude: [../shared.yaml]\n")
    refused = command(*arguments.split())
    assert refused.code == 1
    assert "SR021" in refused.out
    assert command(*arguments.split(), "--allow-outside").code in {0, 4}


def test_an_event_that_is_a_link_to_elsewhere_is_not_explained(
    folder: Path, command: Callable[..., Done]
) -> None:
    Path("routes.yaml").write_text(f"{SHARED}streams: {{events: }}\n")
    Path("../secret.json").write_text('{"type": "t", "token": "s3cret"}')
    Path("event.json").symlink_to("../secret.json")
    done = command("explain", "event.json")
    assert done.code == 2
    assert "the file is a link that points outside its folder" in done.err
    assert command("explain", "event.json", "--allow-outside").code == 0
