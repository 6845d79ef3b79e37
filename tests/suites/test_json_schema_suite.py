"""The JSON-Schema-Test-Suite: every case, or a recorded departure that is still one."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from json_schema_suite import departures, files, groups, known_departures
from outside_data import JSON_SCHEMA

needs_suite = pytest.mark.outside(JSON_SCHEMA)


@needs_suite
@pytest.mark.parametrize("fast", [True, False], ids=["with-jsonschema-rs", "without"])
@pytest.mark.parametrize("file", files() or ["missing"])
def test_every_case_of_the_suite_holds_or_is_a_known_departure(
    file: str, fast: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fast:
        pytest.importorskip("jsonschema_rs", reason="jsonschema-rs is not installed")
    else:
        monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    found = [line for group in groups(file) for line in departures(group, tmp_path, fast=fast)]
    assert found == known_departures().get(file, [])


@needs_suite
def test_the_list_of_departures_names_files_of_the_suite_alone(capsys: pytest.CaptureFixture[str]) -> None:
    known = known_departures()
    assert known.keys() <= set(files())
    cases = Counter({file: sum(len(group.cases) for group in groups(file)) for file in files()})
    lines = [line for listed in known.values() for line in listed]
    refused = sum(" | refused: " in line for line in lines)
    with capsys.disabled():
        sys.stdout.write(
            f"\nJSON-Schema-Test-Suite: {cases.total()} cases in {len(cases)} files; "
            f"departures: {refused} groups refused by check, {len(lines) - refused} other verdicts\n"
        )
