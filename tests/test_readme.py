"""What the README shows is true: its files, its commands and their output."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    """The README's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def marked(name: str) -> str:
    """The command under a marker, which CI runs as it stands."""
    found = re.search(rf"^<!-- {name} -->\n```sh\n(.*?)\n```$", README, re.MULTILINE | re.DOTALL)
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
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, fenced("text")[0]), done.stderr


def test_both_commands_set_up_everything_themselves() -> None:
    for name in ("main-job", "tests"):
        assert marked(name).startswith("python3 -m venv .venv && .venv/bin/pip install -q ")


@pytest.mark.parametrize("block", fenced("python"))
def test_python_that_is_shown_is_python(block: str) -> None:
    ast.parse(f"async def shown():\n{re.sub(r'^', '    ', block, flags=re.MULTILINE)}")


def test_every_command_is_described() -> None:
    from streamroute.cli.main import streamroute

    for name in streamroute.list_commands(None):  # type: ignore[arg-type]  # the list is a constant
        assert f"| `streamroute {name}" in README, f"the README does not say what {name} does"
