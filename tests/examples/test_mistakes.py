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
from streamroute.text.display_width import display_width

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


@pytest.mark.parametrize("columns", [80, 60])
@pytest.mark.parametrize("name", FILES)
def test_the_output_fits_a_terminal(name: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts are wrapped, and the caret stays below what it points at."""
    monkeypatch.chdir(FOLDER)
    report = check(CheckOptions((name,))).report
    fitted, whole = render_full(report.findings, report.sources, columns=columns), printed(name)
    assert max(map(display_width, fitted.splitlines())) <= columns
    assert pointed_at(fitted)[: columns // 3] in pointed_at(whole)
    outside = [" ".join(re.sub(r"(?m)^ *[0-9]* \|.*\n", "", text).split()) for text in (fitted, whole)]
    assert outside[0] == outside[1]


def pointed_at(text: str) -> str:
    """Return the part of the source line above the first caret, from the caret on."""
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if "^" in line and not line.strip(" |^"))
    return lines[at - 1][lines[at].index("^") :].removesuffix("...")


def test_every_file_is_on_the_page() -> None:
    assert sorted(SECTIONS) == FILES
    assert len(FILES) >= 20


@pytest.mark.parametrize("name", FILES)
def test_every_example_mistake_has_its_source(name: str) -> None:
    link = r"\]\(https://github\.com/[\w.-]+/[\w.-]+/(?:issues|pull)/\d+\)"
    assert re.findall(link, SECTIONS[name]["sources"])
