"""What ``streamroute init`` writes passes its own checks, run as its workflow for CI runs them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from new_environments import copied_checkout, new_environment, run, run_step
from repository import ROOT
from streamroute.cli.starter.template import TEMPLATES

if TYPE_CHECKING:
    from pathlib import Path

    from projects import Project


def test_the_pytest_tests_of_a_new_project_pass(project: Project) -> None:
    assert project.run("init").code == 0
    done = run([sys.executable, "-m", "pytest", "-q"], project.folder, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


@pytest.mark.installs
@pytest.mark.timeout(1800)  # an index may be slow
@pytest.mark.parametrize("template", TEMPLATES)
def test_the_steps_of_its_workflow_pass_in_a_new_environment(template: str, tmp_path: Path) -> None:
    """With this checkout as the streamroute that it requires: the index may have another, or none."""
    programs = new_environment(tmp_path / "venv", copied_checkout(tmp_path / "source"))
    folder = tmp_path / "shop"
    done = run([programs / "streamroute", "init", folder, "--template", template], tmp_path)
    assert done.returncode == 0, done.stderr
    for words in (["init", "--quiet"], ["add", "."]):
        assert run(["git", *words], folder).returncode == 0

    workflow = yaml.safe_load((folder / ".github" / "workflows" / "ci.yml").read_text())
    steps = {step["name"]: step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step}
    assert len(steps) == 5
    for name, script in steps.items():
        done = run_step(script, folder, programs, PRE_COMMIT_HOME=str(tmp_path / "home"))
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    state = run(["git", "status", "--porcelain"], folder).stdout.splitlines()
    assert [line for line in state if not line.startswith("A  ")] == [], ".gitignore lacks these"
