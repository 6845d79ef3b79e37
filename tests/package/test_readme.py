"""What the README shows is true: its files, its commands and their output."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repository import ROOT

_BLOCK = re.MULTILINE | re.DOTALL
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    """The README's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, _BLOCK)


def marked(name: str) -> str:
    """The command under a marker, which CI runs as it stands."""
    found = re.search(rf"^<!-- {name} -->\n```sh\n(.*?)\n```$", README, _BLOCK)
    assert found, f"the README has no block {name}"
    return found[1]


def test_the_routes_shown_first_are_those_of_the_example() -> None:
    shown = fenced("yaml")[0]
    path, content = shown.split("\n", 1)
    actual = (ROOT / path.removeprefix("# ")).read_text(encoding="utf-8")
    assert content == re.sub(r"\A# yaml-language-server:.*\n", "", actual)


def test_the_main_job_prints_what_is_shown(tmp_path: Path) -> None:
    """The command as it stands, but with this interpreter in the place of the new environment's."""
    shutil.copytree(
        ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns(".streamroute", "__pycache__")
    )
    command = shlex.split(marked("main-job").split("&&")[-1])
    assert command[0] == ".venv/bin/streamroute"
    done = subprocess.run(
        [sys.executable, "-m", "streamroute", *command[1:]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, fenced("text")[0]), done.stderr


def test_check_prints_what_is_shown(tmp_path: Path) -> None:
    config = next(block for block in fenced("yaml") if block.startswith("# check-demo/"))
    (tmp_path / "routes.yaml").write_text(config.split("\n", 1)[1], encoding="utf-8")
    (tmp_path / "shop").mkdir()
    handlers = "async def welcome(payload): ...\nasync def thank(payload): ...\n"
    (tmp_path / "shop" / "handlers.py").write_text(handlers, encoding="utf-8")
    assert session("check-demo", tmp_path) == 1


def test_explain_prints_what_is_shown() -> None:
    assert session("explain-demo", ROOT / "examples" / "bookings") == 0


def session(name: str, folder: Path) -> int:
    """Run the command of a console block and compare its output; returns the exit code."""
    found = re.search(rf"^<!-- {name} -->\n```console\n\$ streamroute (.*?)\n(.*?)^```$", README, _BLOCK)
    assert found, f"the README has no session {name}"
    done = subprocess.run(
        [sys.executable, "-m", "streamroute", *shlex.split(found[1])],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.stdout.rstrip() == found[2].rstrip(), done.stderr
    return done.returncode


def test_both_commands_set_up_everything_themselves() -> None:
    for name in ("main-job", "tests"):
        assert marked(name).startswith("python3 -m venv .venv && .venv/bin/pip install -q ")


@pytest.mark.parametrize("block", fenced("python"))
def test_python_that_is_shown_is_python(block: str) -> None:
    shown = ast.parse(f"async def shown():\n{re.sub(r'^', '    ', block, flags=re.MULTILINE)}")
    assert len(shown.body) == 1


def test_every_command_is_described() -> None:
    from streamroute.cli.main import streamroute

    for name in streamroute.list_commands(None):  # type: ignore[arg-type]  # the list is a constant
        assert f"| `streamroute {name}" in README, f"the README does not say what {name} does"


def test_every_key_of_the_schema_is_named() -> None:
    """In the section on routes.yaml, if only in its table."""
    schema = json.loads((ROOT / "schemas" / "routes.schema.json").read_text(encoding="utf-8"))
    section = README.split("## routes.yaml")[1].split("\n## ")[0]
    definitions = schema.get("definitions") or schema["$defs"]
    keys = {
        key for part in ("stream", "route", "message", "retry") for key in definitions[part]["properties"]
    }
    assert {key for key in keys | set(schema["properties"]) if key not in section} == set()


PAGES = [ROOT / "README.md", *sorted((ROOT / "examples").rglob("README.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text(encoding="utf-8"))
    assert links
    for path, heading in links:
        target = page.parent / path if path else page
        assert target.exists(), path
        assert not heading or heading in headings(target), f"{path}#{heading}"


def headings(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
