"""The pre-commit hooks and the GitHub Action: what they would run is run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from checkout_program import environment_with_program
from repository import ROOT

WRONG = "version: 1\nstreams: {bot_events: }\nroutes:\n- {name: a, type: t, handlr: nowhere.handle}\n"
ROUTE_TESTS = "version: 1\ntests:\n- {name: one, message: {type: t}, routes: [a]}\n"
RIGHT = WRONG.replace("handlr", "handler")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """One with the command, as a runner of CI has it."""
    return environment_with_program(tmp_path, RUNNER_TEMP=str(tmp_path))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def run(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=240
    )


# pre-commit


def hook_of(name: str) -> dict[str, Any]:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    return {hook["id"]: dict(hook) for hook in hooks}[name]


@pytest.fixture
def hook() -> dict[str, Any]:
    return hook_of("streamroute-check")


def test_the_hook_passes_a_configuration_whose_code_is_not_there(
    hook: dict[str, Any], project: Path, environment: dict[str, str]
) -> None:
    (project / "routes.yaml").write_text(RIGHT)
    done = run(shlex.split(hook["entry"]), project, environment)
    assert done.returncode == 0
    assert "info[SR410]" in done.stdout


def test_the_hook_stops_a_commit_that_breaks_the_configuration(
    hook: dict[str, Any], project: Path, environment: dict[str, str]
) -> None:
    (project / "deploy").mkdir()
    (project / "deploy" / "routes.yaml").write_text(WRONG)
    done = run([*shlex.split(hook["entry"]), "deploy/routes.yaml"], project, environment)
    assert done.returncode == 1
    assert 'did you mean "handler"?' in done.stdout


def test_a_hook_runs_the_route_tests(project: Path, environment: dict[str, str]) -> None:
    command = shlex.split(hook_of("streamroute-test")["entry"])
    (project / "routes.yaml").write_text(RIGHT)
    (project / "routes.test.yaml").write_text(ROUTE_TESTS)
    assert run(command, project, environment).returncode == 0
    (project / "routes.yaml").write_text(RIGHT.replace("type: t", "type: u"))
    assert run(command, project, environment).returncode == 1


def test_the_hook_of_the_route_tests_fails_where_there_are_none(
    project: Path, environment: dict[str, str]
) -> None:
    (project / "routes.yaml").write_text(RIGHT)
    done = run(shlex.split(hook_of("streamroute-test")["entry"]), project, environment)
    assert done.returncode == 2
    assert "streamroute test --init EVENTS" in done.stderr


@pytest.mark.parametrize("name", ["streamroute-check", "streamroute-test"])
def test_a_hook_is_of_the_form_that_pre_commit_reads(name: str) -> None:
    """https://pre-commit.com/#new-hooks: the whole configuration, so that no names of files are passed."""
    hook = hook_of(name)
    assert hook["language"] == "python"
    assert hook["pass_filenames"] is False
    assert {"id", "name", "entry"} <= hook.keys()


# The Action


@pytest.fixture
def action() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "examples" / "ci" / "action.yml").read_text()))


def run_action(
    action: dict[str, Any], project: Path, environment: dict[str, str], **inputs: str
) -> subprocess.CompletedProcess[str]:
    """Its steps as a runner takes them: bash -e -o pipefail, with the inputs in the environment."""
    values = {name: inputs.get(name, stated["default"]) for name, stated in action["inputs"].items()}
    done = None
    for step in action["runs"]["steps"]:
        given = {name: _expanded(text, values) for name, text in step["env"].items()}
        assert "${{" not in step["run"]
        script = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
        done = run(script, project, {**environment, **given})
        if done.returncode:
            break
    assert done is not None
    return done


def _expanded(text: str, inputs: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda match: inputs[match[1]], text)


def test_the_action_shows_its_findings_in_the_pull_request(
    action: dict[str, Any], project: Path, environment: dict[str, str]
) -> None:
    (project / "routes.yaml").write_text(WRONG)
    done = run_action(action, project, environment)
    assert done.returncode == 1
    assert done.stdout.startswith("::error title=SR102 unexpected-key,file=routes.yaml,line=4,")


def test_the_action_passes_a_clean_configuration(
    action: dict[str, Any], project: Path, environment: dict[str, str]
) -> None:
    (project / "routes.yaml").write_text(RIGHT)
    assert run_action(action, project, environment).returncode == 0


def test_the_action_takes_several_paths_and_writes_sarif(
    action: dict[str, Any], project: Path, environment: dict[str, str]
) -> None:
    for name, text in (("one", WRONG), ("two", RIGHT)):
        (project / name).mkdir()
        (project / name / "routes.yaml").write_text(text)
    done = run_action(action, project, environment, paths="one two", sarif="findings.sarif")
    assert done.returncode == 1
    results = json.loads((project / "findings.sarif").read_text())["runs"][0]["results"]
    (error,) = [result for result in results if result["level"] == "error"]
    uri = error["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "one/routes.yaml"


def test_the_action_takes_a_path_a_line(
    action: dict[str, Any], project: Path, environment: dict[str, str]
) -> None:
    for name, text in (("one", RIGHT), ("two", WRONG)):
        (project / name).mkdir()
        (project / name / "routes.yaml").write_text(text)
    done = run_action(action, project, environment, paths="one\ntwo\n")
    assert done.returncode == 1
    assert "file=two/routes.yaml" in done.stdout


@pytest.mark.parametrize("is_there", [True, False], ids=["to a file", "to none"])
def test_the_action_writes_through_no_link_of_the_checkout(
    is_there: bool, action: dict[str, Any], project: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    outside = tmp_path / "bashrc"
    if is_there:
        outside.write_text("kept")
    (project / "routes.yaml").write_text(WRONG)
    (project / "findings.sarif").symlink_to(outside)
    run_action(action, project, environment, sarif="findings.sarif")
    assert (outside.read_text() if outside.exists() else "kept") == "kept"
    assert json.loads((project / "findings.sarif").read_text())["version"] == "2.1.0"


def test_the_action_imports_handlers_on_request(
    action: dict[str, Any], project: Path, environment: dict[str, str]
) -> None:
    (project / "routes.yaml").write_text(RIGHT)
    done = run_action(action, project, environment, **{"import": "true"})
    assert done.returncode == 1
    assert "SR401" in done.stdout


def test_an_input_of_the_action_cannot_become_a_command(
    action: dict[str, Any], project: Path, environment: dict[str, str]
) -> None:
    (project / "routes.yaml").write_text(RIGHT)
    run_action(action, project, environment, paths="$(touch owned); touch owned")
    assert not (project / "owned").exists()


def test_no_file_of_the_checkout_runs_while_the_action_installs(
    action: dict[str, Any], project: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """``python3 -m`` looks into the working folder, and pip into its settings there."""
    owned = tmp_path / "owned"
    for name in ("pip", "runpy", "sitecustomize", "click", "streamroute"):
        (project / f"{name}.py").write_text(f"open({str(owned)!r}, 'w').close()\n")
    (project / "routes.yaml").write_text(RIGHT)
    path = f"{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin"
    install = action["runs"]["steps"][0]["run"].replace("command -v streamroute", "false")
    script = ["bash", "-e", "-o", "pipefail", "-c", install]
    absent = str(tmp_path / "absent")
    run(script, project, {**environment, "PATH": path, "PYTHONPATH": "", "REQUIREMENT": absent})
    assert not owned.exists()
