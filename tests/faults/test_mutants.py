"""The oracle is worth something: builds that break the promise on purpose are caught, each by its breach."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from faultlist import SCENARIOS
from mutants import MUTANTS
from scenarios import Scenario, play
from servers import valkey_binary
from worker_faults import ENTRY, kill_at

if TYPE_CHECKING:
    from pathlib import Path

    from scene import Scene

_XACK = rb"\$4\r\nXACK\r\n"  # which only the mutants send by itself


def _kill_after_the_ack(scene: Scene) -> None:
    kill_at(scene, _XACK, "reply")


def _kill_before_the_ack(scene: Scene) -> None:
    kill_at(scene, _XACK, "request")


_CASES = {
    "ack before the handler": (SCENARIOS["kill -9 before the effect"], "lost: "),
    "unfenced ack": (SCENARIOS["SIGSTOP past the lease, then CONT"], "is pending no more"),
    "dead letter after the ack": (Scenario(name="kill", strike=_kill_after_the_ack), "lost: "),
    "schedule and ack in two calls": (
        Scenario(name="kill", strike=_kill_before_the_ack),
        "a duplicate without cause",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_build_is_caught(mutant: str, fault_seed: int, tmp_path: Path) -> None:
    """A fault at the wrong moment shows what the build does wrong."""
    played, breach = _CASES[mutant]
    verdict = play(
        replace(played, command=ENTRY),
        valkey_binary(),
        tmp_path,
        fault_seed,
        environment={"FAULTS_MUTANT": mutant},
    )
    assert any(breach in problem for problem in verdict.problems), verdict
