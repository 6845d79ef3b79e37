"""Each scenario can fail: a build without the tested feature is caught, by its breach."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import streamroute
from broken_builds import BROKEN, build, edited_files
from faultlist import SCENARIOS
from scenarios import play
from servers import valkey_binary

if TYPE_CHECKING:
    from broken_builds import BrokenBuild


@pytest.mark.faults
@pytest.mark.broken
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_build_is_caught(name: str, fault_seed: int, tmp_path: Path) -> None:
    """By the scenario for the removed feature, and by the expected finding of the oracle."""
    broken = BROKEN[name]
    problems = _problems(broken, tmp_path, fault_seed)
    assert any(re.search(broken.breach, problem) for problem in problems), problems[:20]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_build_has_exactly_its_edits(name: str) -> None:
    """The edited code occurs exactly once, and the result is valid Python."""
    edited = edited_files(BROKEN[name])
    assert edited.keys() == {edit.file for edit in BROKEN[name].edits}
    for file, text in edited.items():
        if file.endswith(".py"):
            compile(text, file, "exec")


def test_a_build_leaves_the_package_as_it_is(tmp_path: Path) -> None:
    """It shares all files with the package but the edited ones."""
    broken = BROKEN["equal failures have a line each"]
    (name,) = edited_files(broken)
    package, built = Path(streamroute.__file__).parent, tmp_path / "build" / "streamroute"
    before = (package / name).read_bytes()
    build(broken, tmp_path)
    assert (built / name).read_text() == edited_files(broken)[name]
    assert (package / name).read_bytes() == before
    assert (built / "message.py").read_bytes() == (package / "message.py").read_bytes()


def _problems(broken: BrokenBuild, folder: Path, seed: int) -> list[str]:
    """Return the oracle's findings, or the timed-out expectation."""
    environment = build(broken, folder)
    try:
        verdict = play(
            SCENARIOS[broken.scenario],
            valkey_binary(),
            folder,
            seed,
            environment=environment,
            patience=broken.patience,
        )
    except TimeoutError as error:
        return [str(error)]
    return verdict.problems
