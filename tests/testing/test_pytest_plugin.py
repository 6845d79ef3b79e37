"""The pytest plugin: a fixture for test apps, and ``*.test.yaml`` files as tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from memory_projects import write_project
from repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TESTS = """
version: 1
tests:
  - name: three nights
    message: {type: t, n: 3}
    routes: [ok]
  - name: one night
    message: {type: t, n: 1}
    routes: [ok]
  - name: a stored entry
    message: {stream: events, id: 1-0}
    routes: [ok]
"""

APP = """
async def test_it(streamroute_app):
    async with streamroute_app() as t:
        await t.publish("events", "t", {"n": 3})
        await t.settled()
        t.assert_handled("ok", times=1)


async def test_of_another_container(streamroute_app):
    async with streamroute_app(container=7) as t:
        await t.publish("events", "told", {"n": 3})
        await t.settled()
        assert t.handled("told")
"""


class PytestRun:
    """Runs pytest in a folder, with the plugin and without the settings of this repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")

    def __call__(self, *args: str, plugin: bool = True) -> str:
        """Return the output of a run, exit code included."""
        names = [
            "pytest_asyncio.plugin",
            "xdist.plugin",
            *(["streamroute.testing.pytest_plugin"] if plugin else []),
        ]
        command = [sys.executable, "-m", "pytest", *(f"-p{name}" for name in names), "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, "-W", "ignore", *args],
            cwd=self.folder,
            env={**os.environ, "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        return f"{done.stdout}{done.stderr}\nexit code {done.returncode}"


@pytest.fixture
def project(tmp_path: Path) -> PytestRun:
    """A project with routes, route tests and tests of handlers."""
    write_project(tmp_path)
    (tmp_path / "routes.test.yaml").write_text(TESTS)
    (tmp_path / "test_handlers.py").write_text(APP)
    return PytestRun(tmp_path)


def test_a_file_of_route_tests_is_run(project: PytestRun) -> None:
    output = project("routes.test.yaml", "-v")
    assert "routes.test.yaml::three nights PASSED" in output
    assert "routes.test.yaml::one night FAILED" in output
    assert "routes.test.yaml::a stored entry SKIPPED" in output
    assert "routes.test.yaml:7: failed: one night\n" in output
    assert "ok was expected to match, but does not match" in output
    assert "n is 1" in output or "n > `2`" in output
    assert "Traceback" not in output
    assert "exit code 1" in output


def test_a_test_of_any_name_can_be_selected(project: PytestRun) -> None:
    text = TESTS.replace("three nights", '"a::b [c] \\e[31m\\nd"')
    (project.folder / "routes.test.yaml").write_text(text)
    name = r"routes.test.yaml::a:b [c] \x1b[31m\nd"
    assert f"{name} PASSED" in project("routes.test.yaml", "-v")
    assert "1 passed" in project(name)


def test_the_fixture_runs_the_projects_configuration(project: PytestRun) -> None:
    output = project("test_handlers.py")
    assert "2 passed" in output


def test_the_configuration_is_a_setting_or_an_option(project: PytestRun) -> None:
    (project.folder / "routes.yaml").rename(project.folder / "other.yaml")
    assert "2 passed" in project("test_handlers.py", "--streamroute-config", "other.yaml")
    assert "2 passed" in project("test_handlers.py", "-o", "streamroute_config=other.yaml")


def test_findings_of_a_test_file_fail(project: PytestRun) -> None:
    (project.folder / "routes.test.yaml").write_text(TESTS.replace("[ok]", "[oh]", 1))
    output = project("routes.test.yaml")
    assert "routes.test.yaml::findings" in output
    assert 'did you mean "ok"' in output


def test_errors_of_the_configuration_are_errors_of_the_collection(project: PytestRun) -> None:
    write_project(project.folder, "version: 1\nrouts: []\n")
    output = project("routes.test.yaml")
    assert 'did you mean "routes"' in output
    assert "exit code 2" in output
    assert "Traceback" not in output


def test_files_of_other_tools_are_left_alone(project: PytestRun) -> None:
    folder = project.folder / "chart"
    folder.mkdir()
    (folder / "deployment.test.yaml").write_text("suite: a chart\n")
    assert "collected 5 items" in project()


def test_the_plugin_can_be_switched_off(project: PytestRun) -> None:
    assert "collected 2 items" in project("--co", plugin=False)


def test_workers_of_xdist_run_the_tests(project: PytestRun) -> None:
    output = project("-n", "2", "--deselect", "routes.test.yaml::one night")
    assert "3 passed, 1 skipped" in output


def test_the_plugin_imports_nothing_of_streamroute_but_itself() -> None:
    code = (
        "import sys, pytest, streamroute.testing.pytest_plugin\n"
        "print(*(name for name in sys.modules if name.startswith('streamroute')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    light = {"streamroute", "streamroute.version", "streamroute.testing", "streamroute.testing.pytest_plugin"}
    assert set(done.stdout.split()) <= light


def test_the_package_announces_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module = project["entry-points"]["pytest11"]["streamroute"]
    assert callable(import_module(module).pytest_collect_file)
