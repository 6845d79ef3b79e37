"""The files of a new project: they fit each other, and a name that the user did not choose does no harm."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import tomllib
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from streamroute.cli.starter.project import project_files, project_name
from streamroute.cli.starter.template import FASTAPI, PLAIN, TEMPLATES, Template

EVERY: Final = pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))


def text_of(template: Template, path: str, name: str = "shop") -> str:
    return project_files(template, name)[path].decode()


@EVERY
def test_a_project_has_what_a_repository_needs(template: Template) -> None:
    assert {
        ".dockerignore",
        ".github/workflows/ci.yml",
        ".gitignore",
        ".pre-commit-config.yaml",
        "Containerfile",
        "deploy/shop.service",
        "greetings/__init__.py",
        "greetings/handlers.py",
        "pyproject.toml",
        "routes.schema.json",
        "routes.test.yaml",
        "routes.yaml",
        "tests.schema.json",
        "tests/test_handlers.py",
    } <= project_files(template, "shop").keys()


@EVERY
def test_no_placeholder_is_left(template: Template) -> None:
    for path, content in project_files(template, "shop").items():
        assert not re.search(r"@[A-Z_]+@|PROJECT", path + content.decode()), path


@EVERY
def test_every_file_ends_with_one_line_break(template: Template) -> None:
    for path, content in project_files(template, "shop").items():
        assert content.endswith(b"\n"), path
        assert not content.endswith(b"\n\n"), path


@EVERY
def test_the_project_requires_streamroute_and_what_its_commands_run(template: Template) -> None:
    project = tomllib.loads(text_of(template, "pyproject.toml"))["project"]
    required = {re.split("[^a-z-]", each)[0] for each in project["dependencies"]}
    assert project["name"] == "shop"
    assert "streamroute" in required
    assert template.command[0] in {*required, "python"}


@EVERY
def test_the_unit_and_the_image_run_the_template_s_command(template: Template) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation shows
    unit.read_string(text_of(template, "deploy/shop.service"))
    service = unit["Service"]
    program, *rest = shlex.split(service["ExecStart"])
    assert (program, *rest) == (f"/srv/shop/.venv/bin/{template.command[0]}", *template.command[1:])
    assert service["ExecReload"] == "/srv/shop/.venv/bin/streamroute reload"
    image = text_of(template, "Containerfile")
    for variable in template.variables:
        assert f" -e {variable.partition('=')[0]}=..." in image
        assert f" {variable} " in text_of(template, "deploy/shop.service")
    assert json.loads(image.rsplit("CMD ", 1)[1]) == list(template.container_command)


def workflow(template: Template) -> dict[str, Any]:
    return dict(yaml.safe_load(text_of(template, ".github/workflows/ci.yml")))


@EVERY
def test_the_workflow_runs_the_checks_without_rights(template: Template) -> None:
    found = workflow(template)
    assert found["permissions"] == {"contents": "read"}
    script = "\n".join(step["run"] for step in found["jobs"]["test"]["steps"] if "run" in step)
    for command in ("streamroute check", "streamroute test", "pytest", "pre-commit run"):
        assert command in script


# Names


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("shop", "shop"),
        ("New Shop", "new-shop"),
        ("_private_", "private"),
        ("2026", "greetings"),
        ("", "greetings"),
        ("магазин", "greetings"),
        ("streamroute", "streamroute-app"),
        ("Pytest", "pytest-app"),
        ("fastapi", "fastapi"),
        ("a" * 80, "a" * 27),
    ],
)
def test_a_project_is_named_after_its_folder(folder: str, name: str) -> None:
    assert project_name(folder, PLAIN) == name


def test_a_project_is_not_named_as_what_it_requires() -> None:
    assert project_name("fastapi", FASTAPI) == "fastapi-app"


@given(st.text())
def test_any_folder_gives_a_name_that_pip_systemd_and_useradd_accept(folder: str) -> None:
    for template in TEMPLATES.values():
        name = project_name(folder, template)
        assert re.fullmatch("[a-z](?:[a-z0-9-]*[a-z0-9])?", name)
        assert len(name) <= 31
