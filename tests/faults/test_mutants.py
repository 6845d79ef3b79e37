"""The oracle works: builds that break the promise on purpose are caught, each by its breach.

Each is wrong at one moment only, so that it works correctly as long as no fault occurs.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from faultlist import SCENARIOS
from mutants import MUTANTS
from scenarios import Scenario, play
from servers import valkey_binary
from worker_faults import kill_at
from worker_process import MANIPULATED

if TYPE_CHECKING:
    from pathlib import Path

    from oracle import Verdict
    from scene import Scene

pytestmark = pytest.mark.faults

_XACK = rb"\$4\r\nXACK\r\n"  # sent on its own by the mutants only


def _kill_after_the_ack(scene: Scene) -> None:
    kill_at(scene, _XACK, "reply")


def _kill_before_the_ack(scene: Scene) -> None:
    kill_at(scene, _XACK, "request")


# An early acknowledgement makes a group look at rest while its last handlers run.
_RETRIES_WAIT = "not at rest: 0 undelivered [], 0 pending [], "
_LOST = r"lost: \S+ for the route "
_CASES = {
    "ack before the handler": (SCENARIOS["kill -9 before the effect"], _LOST + "record"),
    "unfenced ack": (SCENARIOS["SIGSTOP past the lease, then CONT"], "runs, but is pending no more"),
    "dead letter after the ack": (Scenario(name="kill", strike=_kill_after_the_ack), _LOST + "flaky"),
    "schedule and ack in two calls": (
        Scenario(name="kill", strike=_kill_before_the_ack),
        "a duplicate without cause: .*'flaky'",
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_build_is_caught(mutant: str, fault_seed: int, tmp_path: Path) -> None:
    """A fault at the wrong moment reveals the build's error."""
    played, breach = _CASES[mutant]
    verdict = _play(played, mutant, tmp_path, fault_seed)
    assert any(re.match(breach, problem) for problem in verdict.problems), verdict
    assert not [problem for problem in verdict.problems if problem.startswith("nothing was sent")]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_broken_build_works_as_long_as_nothing_happens(
    mutant: str, fault_seed: int, tmp_path: Path
) -> None:
    """It breaks only what it claims to: without the fault, the oracle finds nothing."""
    quiet = Scenario(name="nothing", strike=lambda scene: scene.stay(1))
    problems = _play(quiet, mutant, tmp_path, fault_seed).problems
    assert not [problem for problem in problems if not problem.startswith(_RETRIES_WAIT)]


def _play(played: Scenario, mutant: str, folder: Path, seed: int) -> Verdict:
    environment = {"FAULTS_MUTANT": mutant}
    return play(replace(played, command=MANIPULATED), valkey_binary(), folder, seed, environment=environment)
