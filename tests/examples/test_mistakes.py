"""The page of mistakes shows what check prints of each.

``UPDATE_TESTDATA=1 pytest tests/examples/test_mistakes.py`` writes the outputs anew; read the difference.
"""

from __future__ import annotations

import os
import re
from typing import Final

import pytest

from repository import ROOT
from streamroute.cli.commands.checking.run import CheckOptions, check
from streamroute.cli.output.formats.full import render_full

FOLDER: Final = ROOT / "examples" / "mistakes"
PAGE: Final = FOLDER / "README.md"
SECTION: Final = re.compile(
    r"## .+\n\n\[(?P<file>[a-z-]+\.yaml)\]\((?P=file)\), after (?P<sources>.+)\n\n"
    r"```text\n(?P<out>(?:.*\n)*?)```\n"
)
SECTIONS: Final = {found["file"]: found for found in SECTION.finditer(PAGE.read_text(encoding="utf-8"))}
FILES: Final = sorted(path.name for path in FOLDER.glob("*.yaml"))


def printed(name: str) -> str:
    """What a person gets for a file."""
    report = check(CheckOptions((name,))).report
    return render_full(report.findings, report.sources)


@pytest.mark.parametrize("name", FILES)
def test_the_expected_outputs_are_what_check_prints(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FOLDER)
    output = printed(name)
    if os.environ.get("UPDATE_TESTDATA"):
        text = PAGE.read_text(encoding="utf-8")
        start = text.index("```text\n", text.index(f"[{name}]")) + len("```text\n")
        PAGE.write_text(text[:start] + output + text[text.index("```\n", start) :], encoding="utf-8")
    else:
        assert SECTIONS[name]["out"] == output
    assert output.count("[SR") == 1, "one mistake, one finding"


def test_every_file_is_on_the_page() -> None:
    assert sorted(SECTIONS) == FILES
    assert len(FILES) >= 20


@pytest.mark.parametrize("name", FILES)
def test_every_example_mistake_has_its_source(name: str) -> None:
    link = r"\]\(https://github\.com/[\w.-]+/[\w.-]+/(?:issues|pull)/\d+\)"
    assert re.findall(link, SECTIONS[name]["sources"])
