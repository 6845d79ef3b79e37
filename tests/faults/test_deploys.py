"""Workers of two configurations share a group: P9, for each kind of deploy, and builds that break it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from deploy_kinds import KINDS
from deploy_mutants import MUTANTS
from deploys import SHORT, play
from servers import old_redis_binary, redis_binary, valkey_binary

pytestmark = pytest.mark.faults

_ENTRY = (str(Path(__file__).parent / "deploys" / "deploy_entry.py"),)
_NO_CAUSE = "dead-lettered without cause: .*no longer configured"
_CAUGHT = {
    "an unknown route's retry dies at once": ("route added", _NO_CAUSE),
    "a retry's filter is asked again": ("filter narrowed", "a retry disappeared: .*'audit'"),
    "the takeover leaves retries": ("group renamed", "a retry disappeared: "),
    "the takeover waits for nobody": ("group renamed", "run twice: "),
    "former names are ignored": ("route renamed", "not at rest: |" + _NO_CAUSE),
    "a retry's type is asked again": ("type moved to another route", "not at rest: .* scheduled "),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_deploy_loses_nothing(name: str, fault_seed: int, tmp_path: Path) -> None:
    """No message is lost, dead-lettered, run twice or run elsewhere except as the configurations explain."""
    binaries = [b for b in (valkey_binary(), redis_binary(), old_redis_binary()) if b is not None]
    binary = binaries[(list(KINDS).index(name) + fault_seed) % len(binaries)]
    verdict = play(KINDS[name], binary, tmp_path, fault_seed)
    assert not verdict.problems, "\n".join(verdict.problems[:20])
    assert (verdict.lost, verdict.wrong_route, verdict.retries_gone) == (0, 0, 0)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_build_that_breaks_deploys_is_caught(mutant: str, fault_seed: int, tmp_path: Path) -> None:
    """The load and the verdict detect each of them."""
    name, breach = _CAUGHT[mutant]
    verdict = play(
        KINDS[name],
        valkey_binary(),
        tmp_path,
        fault_seed,
        pace=replace(SHORT, rest=15),  # a run that never comes to rest is not waited for any longer
        command=_ENTRY,
        environment={"FAULTS_MUTANT": mutant},
    )
    assert any(re.match(breach, problem) for problem in verdict.problems), verdict
