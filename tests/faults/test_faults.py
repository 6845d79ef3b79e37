"""The delivery promise under faults: nothing lost, no duplicate without a cause, recovery in time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from faultlist import SCENARIOS
from scenarios import Scenario, play
from servers import old_redis_binary, redis_binary, valkey_binary

if TYPE_CHECKING:
    from fault_plugin import FaultReport


@pytest.mark.faults
@pytest.mark.parametrize("played", SCENARIOS.values(), ids=SCENARIOS)
def test_the_promise_is_kept_under(
    played: Scenario, fault_seed: int, fault_report: FaultReport, tmp_path: Path
) -> None:
    """P1 to P6 hold, for any fault at any moment."""
    verdict = play(played, _binary(played, fault_seed), tmp_path, fault_seed)
    fault_report.add("streamroute", played.name, verdict)
    assert not verdict.problems, "\n".join(verdict.problems[:20])


def _binary(played: Scenario, seed: int) -> Path:
    """Return Valkey, Redis or the oldest Redis in turn, as far as installed."""
    binaries = [b for b in (valkey_binary(), redis_binary(), old_redis_binary()) if b is not None]
    return binaries[(list(SCENARIOS).index(played.name) + seed) % len(binaries)]
