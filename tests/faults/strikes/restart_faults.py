"""Workers that stop and start: in order, all at once, and without leftovers."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ledger import now, read_orders, read_runs
from oracle import Fault
from scenarios import own_scenario
from waiting import wait_for

if TYPE_CHECKING:
    from scene import Scene

_ONE = {"settings": {"concurrency": 1}}
_BATCH = 100
_MIN_HELD = 5
_WORKERS = 2
_OUTAGE = 3.0  # seconds


@own_scenario("a clean restart", workers=0)
def restart(scene: Scene) -> None:
    """Entries released at a worker's end are older than those that arrived meanwhile, and run before them."""
    old = scene.start_worker(routes=_ONE)
    for _ in range(_BATCH):
        scene.producer.send()  # their rate determines how far the worker reads ahead
    scene.occupy(old)
    for _ in range(_BATCH):
        scene.producer.send()
    wait_for(lambda: len(scene.held_by(old)) > _MIN_HELD, "entries to wait in the worker", scene.patience)
    old.terminate()
    for _ in range(_BATCH):
        scene.producer.send()
    scene.open_gate(old)
    old.wait()
    scene.start_worker(routes=_ONE)
    scene.rest()
    started = [run.n for run in read_runs(scene.folder) if run.what == "start"]
    if started != sorted(started):
        scene.problems.append(f"messages ran in the order {started}")
    if len(started) != len(read_orders(scene.folder)):
        scene.problems.append("a message ran twice in a clean restart")


@own_scenario("a lease that is rolled back", workers=0)
def roll_back(scene: Scene) -> None:
    """Once the last worker with the long lease has stopped, the lease of the others applies."""
    old = scene.start_worker(replace(scene.terms, lease=60.0))
    scene.run_in()
    victim, _ = (scene.start_worker() for _ in range(2))
    scene.heal()
    old.terminate()
    old.wait()
    scene.occupy(victim, 3)
    scene.kill(victim)
    scene.wait_for_recovery()
    scene.heal()


@own_scenario("workers die in an outage, then everything", server={"append_only": True}, workers=0)
def die_in_outage(scene: Scene) -> None:
    """The workers return as soon as the server does; killed ones leave no file behind."""
    temporary = scene.folder / "temporary"
    temporary.mkdir()
    supervisor = scene.start_worker(options=("--workers", str(_WORKERS)), TMPDIR=str(temporary))
    scene.run_in()
    with scene.fault("workers die in an outage"):
        scene.server.kill()
        _kill(supervisor.processes)
        wait_for(lambda: "reaching Redis failed" in supervisor.log, "the outage to be told", scene.patience)
        scene.stay(_OUTAGE)
        if len(supervisor.processes) > _WORKERS:
            scene.problems.append("a worker was started although the server was away")
        scene.server.start()
    scene.heal()
    scene.audit()
    begin = now()
    supervisor.kill()
    _kill(supervisor.processes)
    hit = frozenset([supervisor.name])
    scene.faults.append(Fault(kind="kill -9 of all", begin=begin, end=now(), workers=hit))
    left = [path.name for path in temporary.iterdir()]
    scene.problems += [f"was left behind: {name}" for name in left]
    scene.start_worker()
    scene.heal()


def _kill(processes: list[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
