"""The comparison for readers: the usual design under the same faults, judged by the same oracle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faultlist import SCENARIOS
from scenarios import Scenario, play
from servers import valkey_binary
from worker_process import SERVE

if TYPE_CHECKING:
    from fault_plugin import FaultReport

_BASELINE = (str(Path(__file__).parent / "broken" / "baseline.py"),)
_TITLE = "a processor that acks each entry, without fences or retries"
_PLAYED = [
    played
    for played in SCENARIOS.values()
    if played.command is SERVE and played.system is None and played.comparable
]


@pytest.mark.faults
@pytest.mark.broken
@pytest.mark.parametrize("played", _PLAYED, ids=[played.name for played in _PLAYED])
def test_the_usual_design_breaks_the_promise(
    played: Scenario, fault_seed: int, fault_report: FaultReport, tmp_path: Path
) -> None:
    """It loses failed messages under every fault; the table lists its other breaches."""
    verdict = play(played, valkey_binary(), tmp_path, fault_seed, command=_BASELINE)
    fault_report.add(_TITLE, played.name, verdict)
    assert verdict.lost
