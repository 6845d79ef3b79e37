"""P7, messages that kill their workers: no other message is dead-lettered, and new ones wait little."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ledger import now, read_runs
from oracle import Fault, running_now
from scenarios import own_scenario
from scene import TERMS
from waiting import wait_for

if TYPE_CHECKING:
    from scene import Scene

_SHORT = replace(TERMS, lease=1.0, claim_interval=0.2)
_KILLERS, _INNOCENTS = 12, 48
_PACE = 0.25  # seconds between two new messages
_FOR_ALL = 120.0  # seconds in which all killers must die, given the time a process takes to start
_CROWD = 120
_CRASHES = 4
_AT_ONCE = _CROWD // 2  # of each of two workers
_SUSPECTS = 2 * (_AT_ONCE // 8)  # entries that may be on their last delivery when both have died
_PROMPT = 20.0  # seconds that new messages wait at most: see concepts/delivery.md


@own_scenario("killers among innocents", terms=replace(_SHORT, max_deliveries=3), workers=0)
def killers(scene: Scene) -> None:
    """Twelve messages that kill their process beside 48 harmless ones, while new ones arrive."""
    kinds = [True] * _KILLERS + [False] * _INNOCENTS
    scene.rng.shuffle(kinds)
    sent = {scene.producer.send(**_order(is_killer)): is_killer for is_killer in kinds}
    doomed = {entry_id for entry_id, is_killer in sent.items() if is_killer}
    begin = looked = now()

    def are_dead() -> bool:
        nonlocal looked
        if now() - looked > _PACE:
            looked = now()
            scene.producer.send()
        return doomed <= _dead(scene)

    scene.keep_up(2, are_dead, "all killers to die", kind="a killer", timeout=_FOR_ALL)
    scene.rest()
    scene.expect_prompt(begin, "a new message beside killers", _PROMPT)


@own_scenario("a message that exits, under --workers", terms=replace(_SHORT, max_deliveries=2), workers=0)
def exits(scene: Scene) -> None:
    """The message exists before the workers start, so that they soon end, with an exit code."""
    entry_id = scene.producer.send(die="exit", work=0.3)
    begin = now()
    supervisor = scene.start_worker(options=("--workers", "2"))
    scene.run_in()
    wait_for(
        lambda: entry_id in _dead(scene) or not supervisor.is_alive, "the message to die", scene.patience
    )
    scene.faults.append(
        Fault(kind="a worker that exits", begin=begin, end=now(), workers=frozenset([supervisor.name]))
    )
    if supervisor.is_alive:
        scene.heal()
    else:
        scene.problems.append(f"the supervisor ended with {supervisor.wait()}")
    scene.expect_log("exited unexpectedly (exit code 1) after it was ready")


@own_scenario("four crashes of everything", terms=replace(_SHORT, max_deliveries=5), workers=0)
def crashes(scene: Scene) -> None:
    """Few entries reach their last delivery, on which they run alone; all are done in seconds."""
    sent = {scene.producer.send(gate=True, work=0.2) for _ in range(_CROWD)}
    how = {"settings": {"concurrency": _AT_ONCE}}
    for _ in range(_CRASHES):
        for _ in range(2):
            scene.close_gate(scene.start_worker(routes=how))
        wait_for(lambda: _all_hold(scene), "every worker to hold something", scene.patience)
        scene.stay(scene.terms.recovery)  # and then for the other entries that they may hold
        scene.crash()
    began = now()
    scene.start(2)
    wait_for(lambda: sent <= _done(scene), "everything to be done", scene.patience)
    scene.recovered("four crashes", now() - began, scene.patience)
    last = scene.terms.max_deliveries
    suspects = {run.id for run in read_runs(scene.folder) if run.deliveries == last}
    if len(suspects) > _SUSPECTS:
        scene.problems.append(f"{len(suspects)} entries were on their last delivery")
    scene.expect_prompt(began, "a new message after four crashes", _PROMPT)


def _order(is_killer: bool) -> dict[str, Any]:
    return {"work": 0.05, **({"die": "every"} if is_killer else {})}


def _all_hold(scene: Scene) -> bool:
    running = {run.worker for run in running_now(read_runs(scene.folder)).values()}
    return all(worker.name in running for worker in scene.live)


def _done(scene: Scene) -> set[str]:
    return {run.id for run in read_runs(scene.folder) if run.what == "done"}


def _dead(scene: Scene) -> set[str]:
    return {entry_id for entry_id, _ in scene.state().dead}
