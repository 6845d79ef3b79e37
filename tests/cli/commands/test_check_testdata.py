"""Each ``testdata/err/NAME.yaml`` gives exactly ``NAME.out``, through the whole check.

``UPDATE_TESTDATA=1 pytest tests/cli/commands/test_check_testdata.py`` rewrites the outputs; review the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from repository import TESTDATA
from streamroute.cli.output.findings import FindingsReport, summary
from streamroute.cli.output.formats.as_concise import render as render_concise
from streamroute.cli.output.formats.full import render_full
from streamroute.compiler.pipeline import CheckResult, check_path
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.compiler.rules.registry import ALL_RULES

FOLDER = TESTDATA / "err"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
ENVIRONMENT = {"SECRET": "hunter2", "NUMBER": "12", "EMPTY": ""}


def check(name: str) -> CheckResult:
    with isolated_imports(FOLDER):
        return check_path(f"{name}.yaml", env=ENVIRONMENT)


def report(name: str) -> str:
    """Return the whole output for a file in the text format."""
    result = check(name)
    return f"{render_full(result.findings, result.sources)}\n{summary(result.findings)}\n"


@pytest.mark.parametrize("name", CASES)
def test_output_is_as_written(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    expected = Path(f"{name}.out")
    if os.environ.get("UPDATE_TESTDATA"):
        expected.write_text(report(name), encoding="utf-8")
    assert report(name) == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_every_finding_has_a_rule_a_place_and_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    findings = check(name).findings
    assert findings, "a file here is wrong in some way"
    for found in findings:
        assert found.code in ALL_RULES
        assert found.span.line >= 1
        assert found.span.column >= 1
        assert (found.span.end_line, found.span.end_column) >= (found.span.line, found.span.column)
        assert len(render_concise(FindingsReport([found], {})).splitlines()) == 1


@pytest.mark.parametrize("name", CASES)
def test_no_output_shows_the_value_of_a_variable(name: str) -> None:
    assert "hunter2" not in (FOLDER / f"{name}.out").read_text(encoding="utf-8")
    assert "s3cret" not in (FOLDER / f"{name}.out").read_text(encoding="utf-8")


def test_every_output_has_its_file() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.out")) == CASES
