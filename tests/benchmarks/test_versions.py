"""The table of versions compares the variants of one interpreter with each other."""

from __future__ import annotations

import platform
import sys

from cases import BARE, BARE_FAST, ROUTED, ROUTED_FAST
from measuring import Figures
from versions import HEADS, row, variants, version


def test_each_ratio_is_to_the_bare_loop_of_the_same_interpreter() -> None:
    found = [
        Figures(BARE, [100_000], [8.0]),
        Figures(ROUTED, [150_000], [6.0]),
        Figures(BARE_FAST, [200_000], [4.0]),
        Figures(ROUTED_FAST, [300_000], [5.0]),
    ]
    cells = row("3.14.0", found)
    assert cells == ["3.14.0", "150,000", "1.50", "6.0", "0.75", "300,000", "1.50", "5.0", "1.25"]
    assert len(cells) == len(HEADS)


def test_an_interpreter_is_asked_for_its_version_and_runs_all_loops() -> None:
    assert version(sys.executable) == platform.python_version()
    assert {each.python for each in variants("python9")} == {"python9"}
    assert all(each.installed for each in variants("python9"))
