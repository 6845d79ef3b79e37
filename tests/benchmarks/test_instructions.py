"""Instructions are counted in whole processes, and their difference is that of the messages."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cases import BARE, ROUTED, UNLISTED
from instructions import rows, total
from measuring import HERE

_WRITTEN = "cmd: python bare.py\nevents: Ir\nfl=a.c\nfn=main\n128 2\nsummary: 108764321\n"


def test_the_summary_is_read() -> None:
    assert total(_WRITTEN) == 108_764_321


def test_a_file_without_a_summary_is_refused() -> None:
    with pytest.raises(ValueError, match="no summary"):
        total("cmd: python bare.py\n")


def test_a_ratio_is_to_the_base_if_it_was_counted() -> None:
    assert rows({BARE: 40_000, ROUTED: 30_000}) == [
        ["bare loop", "40,000", ""],
        ["streamroute", "30,000", "0.75"],
    ]
    assert rows({UNLISTED: 9_999.6}) == [["streamroute, 95% unlisted", "10,000", ""]]


def test_it_says_that_valgrind_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, str(HERE / "instructions.py")],
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "valgrind is not installed" in done.stderr
