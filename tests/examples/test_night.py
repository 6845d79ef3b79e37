"""The example of a bad night: it ends as its page shows, and nothing is lost or done twice."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from checkout_program import environment_with_program
from repository import EXAMPLES

FOLDER: Final = EXAMPLES / "night"
LETTERS: Final = 200


def recording() -> str:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^<!-- night -->\n```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.mark.processes
def test_the_night_goes_as_the_page_shows(tmp_path: Path) -> None:
    program = environment_with_program(tmp_path, PYTHONUTF8="1")
    arguments = [str(tmp_path / "work"), f"--letters={LETTERS}", "--rate=500/s"]
    done = subprocess.run(
        [sys.executable, str(FOLDER / "night.py"), *arguments],
        env=program,
        capture_output=True,
        encoding="utf-8",
        timeout=400,
        check=False,
    )
    assert (done.returncode, steady(done.stdout)) == (0, steady(recording())), done.stderr
    assert done.stdout.rstrip().endswith("\n320 orders, 320 receipts, of 320 orders")


def test_the_recording_is_of_two_thousand_letters_repaired_within_five_minutes() -> None:
    text = recording()
    assert "gave up on 2000 messages" in text
    assert "2120 orders, 2120 receipts, of 2120 orders" in text
    seen, resolved = (
        re.search(rf"^# (\d+):(\d\d) {heading}", text, re.MULTILINE)
        for heading in ("does it pass by itself", "resolved")
    )
    assert seen
    assert resolved
    assert int(seen[1]) * 60 + int(seen[2]) <= 60
    assert int(resolved[1]) * 60 + int(resolved[2]) <= 300


VARYING: Final = {
    r"^  route +per s.*?(?=^\()": "",  # routes that ran in the last minute
    r" \(\d+ d[^)\n]*?(\)|\.\.\.)": "",  # how far the retry was when it stopped
    r"\d{4}-\d\d-\d\dT[\d:+]+": "TIME",
    r"^  \S+ \d+ +[0-9a-f]{12} ": "  HOST N  HASH ",
    r"\b(retry-)?(?=[a-f]*\d)[0-9a-f]{8,12}\b": r"\1HASH",
    r"[.▁▂▃▄▅▆▇█]{12}": "BARS",
    r"\d[\d.,:]*( ?(ms|s|m|h|min)\b)?(/s)?": "N",
    r"N N\b": "N",
    r" {2,}": "  ",
}
"""What differs from run to run, and what stands for it."""


def steady(text: str) -> str:
    for pattern, replacement in VARYING.items():
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE | re.DOTALL)
    return text.strip()
