"""The recording that the README shows: it is what the commands print today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from checkout_program import environment_with_program
from repository import EXAMPLES

FOLDER: Final = EXAMPLES / "recording"


@pytest.mark.processes
def test_the_recording_is_what_the_commands_print(tmp_path: Path) -> None:
    target = tmp_path / "recording.svg"
    subprocess.run(
        [sys.executable, str(FOLDER / "record.py"), str(target)],
        env=environment_with_program(tmp_path),
        timeout=240,
        check=True,
    )
    recorded = (FOLDER / "recording.svg").read_text(encoding="utf-8")
    assert target.read_text(encoding="utf-8") == recorded, (
        "python examples/recording/record.py records it again"
    )
