"""The release workflow: it publishes with no stored token, and its steps build what can be installed."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import streamroute
from new_environments import copied_checkout, new_environment, run_step
from repository import ROOT

WORKFLOW: Final[dict[str, Any]] = yaml.safe_load((ROOT / "examples" / "ci" / "release.yml").read_text())
BUILD: Final[dict[str, Any]] = WORKFLOW["jobs"]["build"]
PUBLISH: Final[dict[str, Any]] = WORKFLOW["jobs"]["publish"]
SCRIPTS: Final[dict[str, str]] = {step["name"]: step["run"] for step in BUILD["steps"] if "run" in step}


def test_only_the_job_that_publishes_has_an_identity_and_it_runs_no_code_of_the_repository() -> None:
    assert WORKFLOW["permissions"] == {}
    assert BUILD["permissions"] == {"contents": "read"}
    assert PUBLISH["permissions"] == {"id-token": "write"}
    assert PUBLISH["needs"] == "build"
    assert [step["uses"].split("@")[0] for step in PUBLISH["steps"]] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]


def test_no_value_is_pasted_into_a_script() -> None:
    assert [name for name, script in SCRIPTS.items() if "${{" in script] == []


def test_a_tag_of_another_version_ends_the_release() -> None:
    script = SCRIPTS["Compare the tag with the version"]
    programs = Path(sys.executable).parent  # `python` of this environment
    assert run_step(script, ROOT, programs, TAG=f"v{streamroute.__version__}").returncode == 0
    done = run_step(script, ROOT, programs, TAG="v99.0.0")
    assert done.returncode == 1
    assert f"the tag is v99.0.0, but the version is {streamroute.__version__}" in done.stdout


@pytest.mark.installs
@pytest.mark.timeout(1800)  # an index may be slow
def test_the_release_builds_what_can_be_installed_and_serves_a_new_project(tmp_path: Path) -> None:
    source = copied_checkout(tmp_path / "source")
    programs = new_environment(tmp_path / "environment")
    for step in ("Build", "Try the wheel"):
        done = run_step(SCRIPTS[step], source, programs, RUNNER_TEMP=str(tmp_path))
        assert done.returncode == 0, done.stdout + done.stderr
    assert "welcome, Ada" in done.stdout
    names = {path.name for path in (source / "dist").iterdir()}
    version = streamroute.__version__
    assert names == {f"streamroute-{version}.tar.gz", f"streamroute-{version}-py3-none-any.whl"}
    with tarfile.open(source / "dist" / f"streamroute-{version}.tar.gz") as sources:
        folders = {Path(name).parts[1] for name in sources.getnames() if len(Path(name).parts) > 2}
    assert folders == {"streamroute", "streamroute.egg-info"}, "tests are run in a clone"
