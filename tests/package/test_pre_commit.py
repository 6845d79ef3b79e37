"""The hooks as pre-commit installs them: from a clone of this repository, into environments of their own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from doc_blocks import blocks_of
from new_environments import new_environment, run
from repository import ROOT
from streamroute import __version__

EXAMPLE: Final[dict[str, Any]] = yaml.safe_load(
    (ROOT / "examples" / "ci" / "pre-commit-config.yaml").read_text()
)
RIGHT: Final = """\
version: 1
streams: {events: {group: g}}
routes:
  - {name: a, type: t, filter: n > `1`, handler: nowhere.handle}
"""
TESTS: Final = """\
version: 1
tests:
  - {name: one, message: {type: t, n: 1}, routes: []}
  - {name: two, message: {type: t, n: 2}, routes: [a]}
"""


def test_the_configuration_to_copy_names_this_release_and_hooks_that_exist() -> None:
    (repository,) = EXAMPLE["repos"]
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert repository["rev"] == f"v{__version__}"
    assert [hook["id"] for hook in repository["hooks"]] == [hook["id"] for hook in hooks]


def test_the_documentation_shows_the_configuration_to_copy() -> None:
    blocks = blocks_of(ROOT / "streamroute" / "docs" / "guide" / "ci.md")
    (shown,) = [block.text for block in blocks if block.path == ".pre-commit-config.yaml"]
    assert yaml.safe_load(shown) == EXAMPLE


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    done = run(["git", *identity, "-c", "core.hooksPath=/dev/null", *words], folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.installs
@pytest.mark.timeout(1800)  # an index may be slow
def test_pre_commit_installs_the_hooks_and_stops_a_commit_with_mistakes(tmp_path: Path) -> None:
    """The configuration to copy, with a clone of the working tree in place of the repository's address."""
    hooks = tmp_path / "hooks"
    git(ROOT, "clone", "--quiet", str(ROOT), str(hooks))
    patch = git(ROOT, "diff", "--binary", "HEAD")
    if patch:
        (tmp_path / "patch").write_text(patch)
        git(hooks, "apply", str(tmp_path / "patch"))
        git(hooks, "commit", "--quiet", "--all", "--message", "Changes")
    (repository,) = EXAMPLE["repos"]
    repository |= {"repo": str(hooks), "rev": git(hooks, "rev-parse", "HEAD").strip()}

    project = tmp_path / "project"
    project.mkdir()
    (project / ".pre-commit-config.yaml").write_text(yaml.safe_dump(EXAMPLE))
    (project / "routes.yaml").write_text(RIGHT)
    (project / "routes.test.yaml").write_text(TESTS)
    git(project, "init", "--quiet")
    git(project, "add", ".")

    programs = new_environment(tmp_path / "venv", "pre-commit>=4")
    command: list[str | Path] = [programs / "pre-commit", "run", "--all-files"]
    home = str(tmp_path / "home")

    done = run(command, project, PRE_COMMIT_HOME=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^(streamroute \w+)\.+(\w+)$", done.stdout, re.MULTILINE) == [
        ("streamroute check", "Passed"),
        ("streamroute test", "Passed"),
    ]

    (project / "routes.yaml").write_text(RIGHT.replace("n > `1`", "n > `2`"))
    git(project, "add", ".")
    done = run(command, project, PRE_COMMIT_HOME=home)
    assert done.returncode == 1
    assert re.search(r"^streamroute check\.+Passed$", done.stdout, re.MULTILINE)
    assert re.search(r"^streamroute test\.+Failed$", done.stdout, re.MULTILINE)
    assert "two" in done.stdout

    (project / "routes.yaml").write_text(RIGHT.replace("handler", "handlr"))
    git(project, "add", ".")
    done = run(command, project, PRE_COMMIT_HOME=home)
    assert re.search(r"^streamroute check\.+Failed$", done.stdout, re.MULTILINE)
    assert 'did you mean "handler"?' in done.stdout
