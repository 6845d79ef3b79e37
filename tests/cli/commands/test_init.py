"""``streamroute init`` and ``schema``: their output passes the check and can be served at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from streamroute.cli.starter.template import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from projects import Done, Project


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_project_passes_the_check_and_serves(project: Project) -> None:
    assert project.run("init", "new shop").code == 0
    folder = project.folder / "new shop"
    inside = type(project)(folder, project.env)
    with inside:
        done = inside.run("check", "--env")
        assert (done.code, done.out) == (0, "")
        done = inside.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.code == 0, done.err
    *printed, _, welcome, thanks = done.out.splitlines()
    assert sorted(printed) == ["thank you, order A-1 over 250", "welcome, Ada"]
    assert welcome.split() == ["events", "welcome", "1", "1", "0"]
    assert thanks.split() == ["events", "thank-for-large-orders", "1", "1", "0"]


def test_init_prints_the_written_files_and_the_next_commands(
    tmp_path: Path, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command("init", "new shop")
    assert done.code == 0
    written = [line.removeprefix("wrote ") for line in done.out.splitlines() if line.startswith("wrote ")]
    assert sorted(written) == sorted(f"new shop/{name}" for name in contents(tmp_path / "new shop"))
    *_, change, _, check, serve, test, _ = done.out.splitlines()
    assert change == "  cd 'new shop'"
    assert check == "  streamroute check"
    assert serve == "  streamroute serve --feed events.jsonl --drain"
    assert test == "  streamroute test"


def test_the_editor_s_schema_lies_beside_the_routes(
    tmp_path: Path, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "cd " not in command("init").out
    first, _ = (tmp_path / "routes.yaml").read_text().split("\n", 1)
    assert first == "# yaml-language-server: $schema=routes.schema.json"
    assert (tmp_path / "routes.schema.json").read_text() == command("schema").out


def test_nothing_that_exists_is_overwritten(tmp_path: Path, command: Callable[..., Done]) -> None:
    (tmp_path / "routes.yaml").write_text("mine")
    done = command("init", str(tmp_path))
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        f"nothing was written: {tmp_path} already has routes.yaml\n--missing writes the others\n"
    )
    assert contents(tmp_path) == {"routes.yaml": b"mine"}


def test_missing_files_are_written_on_request_and_the_others_are_kept(
    tmp_path: Path, command: Callable[..., Done]
) -> None:
    (tmp_path / "routes.yaml").write_text("mine")
    done = command("init", str(tmp_path), "--missing")
    assert done.code == 0
    assert f"kept {tmp_path / 'routes.yaml'}" in done.out.splitlines()
    found = contents(tmp_path)
    assert found["routes.yaml"] == b"mine"
    assert {"events.jsonl", "pyproject.toml", ".gitignore", "greetings/handlers.py"} < found.keys()
    before = contents(tmp_path)
    assert command("init", str(tmp_path), "--missing").code == 0
    assert contents(tmp_path) == before


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_s_routes_pass_the_check_and_their_tests(project: Project, template: str) -> None:
    """Also without the packages that its handlers import."""
    assert project.run("init", "--template", template).code == 0
    with project:
        done = project.run("check", "--env", "--no-import")
        assert (done.code, done.out) == (0, "")
        done = project.run("test", "--fail-under", "100")
    assert done.code == 0, done.out


def test_an_unwritable_path_prints_one_line(tmp_path: Path, command: Callable[..., Done]) -> None:
    (tmp_path / "file").write_text("")
    done = command("init", str(tmp_path / "file" / "below"))
    assert done.code == 1
    assert done.err.startswith("error: ")
    assert done.err.endswith(f"cannot be written: {tmp_path / 'file'} is not a folder\n")


def test_the_schema_command_prints_a_valid_schema(command: Callable[..., Done]) -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads(command("schema").out)
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid({"version": 1})
    assert not Draft202012Validator(schema).is_valid({"version": 1, "rotues": []})
