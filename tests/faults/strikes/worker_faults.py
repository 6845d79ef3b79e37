"""Faults of workers: killed, drained, frozen, hung, with a wrong name or a wrong clock."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ledger import now, read_runs
from oracle import Fault, disorder, running_now
from producer import KEYS, KIND
from scenarios import own_scenario, scenario
from scene import TERMS
from streamroute.adapters.redis.scripts import script
from waiting import wait_for
from worker_process import MANIPULATED

if TYPE_CHECKING:
    from scene import Scene
    from worker_process import Worker

SETTLE = b"|".join(
    [
        script("settle/ack").digest.encode(),
        script("settle/settle").digest.encode(),
        re.escape(b"$4\r\nXACK\r\n"),
    ]
)
"""The requests that settle entries."""

_NAP = 2.0  # seconds
_NEW_KIND = "order.changed"
_NOTED = 1.5  # seconds after which a worker knows the routes of workers that have just started
_STALL = 5 * TERMS.lease  # after which a worker with a hung event loop releases its entries


@scenario("kill -9 of a worker")
def kill(scene: Scene) -> None:
    """At any moment."""
    scene.kill(_victim(scene))
    scene.audit()
    scene.start_worker()
    scene.heal()


@scenario("kill -9 before the effect")
def kill_before_effect(scene: Scene) -> None:
    """In the handler: it has no effect yet, and must run again."""
    _suicide(scene, "before")


@scenario("kill -9 after the effect")
def kill_after_effect(scene: Scene) -> None:
    """In the handler: the effect exists, the acknowledgement does not."""
    _suicide(scene, "after")


@scenario("kill -9 before the settle script")
def kill_before_settle(scene: Scene) -> None:
    """The request is lost on its way."""
    kill_at(scene, SETTLE, "request")


@scenario("kill -9 after the settle script")
def kill_after_settle(scene: Scene) -> None:
    """The server has executed it; the worker never receives the reply."""
    kill_at(scene, SETTLE, "reply")


@scenario("SIGTERM with a slow handler")
def terminate(scene: Scene) -> None:
    """The handler is cut off at the end of the grace, and another worker takes its entry at once."""
    victim = _victim(scene)
    held = scene.occupy(victim, 3)
    victim.terminate()
    code = victim.wait()
    ended = now()
    if code not in (0, 1):
        scene.problems.append(f"a drained worker ended with {code}")
    for entry_id in held:
        scene.wait_for_start(entry_id, 2)
        started = next(
            run.at for run in read_runs(scene.folder) if run.id == entry_id and run.deliveries == 2
        )
        scene.recovered("SIGTERM", started - ended, TERMS.claim_interval)
    scene.audit()


@scenario("SIGSTOP past the lease, then CONT")
def freeze(scene: Scene) -> None:
    """The frozen worker later finishes entries that another one has claimed, and must not settle them."""
    victim = _victim(scene)
    other = next(worker for worker in scene.live if worker is not victim)
    (entry_id, *_) = scene.occupy(victim)
    scene.occupy(other)
    held = scene.held_by(victim)
    with scene.fault("SIGSTOP", victim, held=held):
        victim.pause()
        scene.wait_for_start(entry_id, 2)
        scene.open_gate(victim)
        victim.resume()
    scene.heal()
    scene.heal()
    scene.audit()
    scene.open_gate(other)


@own_scenario("SIGSTOP of a worker that dedupes, then CONT", terms=replace(TERMS, lease=1.0), workers=0)
def freeze_dedupe(scene: Scene) -> None:
    """It wakes up with entries that others have done or skipped: their job must not take effect again."""
    alone = {"deduped": True, "settings": {"concurrency": 1}}
    victim = scene.start_worker(routes=alone)
    for _ in range(50):
        scene.producer.send()  # their rate determines how far the worker reads ahead
    wait_for(lambda: scene.state().is_quiet, "a worker that waits for more", scene.patience)
    sent = scene.producer.send_together({"block": _NAP}, *[{"job": "p1"}] * 3)
    scene.wait_for_start(sent[0], 1)
    if not scene.held_by(victim).issuperset(sent):
        scene.problems.append("the worker has not read all that it was to wake up with")
    with scene.fault("SIGSTOP", victim):
        victim.pause()
        scene.start_worker(routes=alone)
        wait_for(lambda: scene.state().is_quiet, "the other worker to do it all", scene.patience)
        scene.stay(_NAP)
        victim.resume()
    scene.producer.start()
    scene.heal()
    done = [run.id for run in read_runs(scene.folder) if run.what == "done"]
    if done.count(sent[1]) != 1:
        scene.problems.append(f"{done.count(sent[1])} effects of one job")


@scenario("event loop blocked beyond the lease")
def block(scene: Scene) -> None:
    """A separate thread keeps the lease: no entry is claimed, and nothing runs twice."""
    entry_id = scene.producer.send(block=TERMS.lease * 1.5)
    _wait_for_effect(scene, entry_id)
    scene.audit()
    scene.heal()


@scenario("event loop blocked for ever")
def hang(scene: Scene) -> None:
    """A worker that hangs for five leases loses its entries."""
    entry_id = scene.producer.send(block=3600)
    scene.wait_for_start(entry_id, 1)
    (victim,) = (w for w in scene.live if running_now(read_runs(scene.folder))[entry_id, 1].worker == w.name)
    begin, held = now(), scene.held_by(victim)
    _wait_for_effect(scene, entry_id)
    hung = Fault(kind="hang", begin=begin, end=now(), workers=frozenset([victim.name]))
    stalled = begin + _STALL + TERMS.lease / 3  # when its heartbeats end
    scene.faults += [hung, replace(hung, begin=stalled, held=held)]
    scene.kill(victim)
    scene.audit()


@scenario("a message that kills its worker", terms=replace(TERMS, max_deliveries=2))
def poison(scene: Scene) -> None:
    """P4: the message is finally dead-lettered, and its neighbors are not."""
    scene.producer.send(die="every")
    for _ in range(scene.terms.max_deliveries):
        scene.wait_for_death("a killer message")
        scene.start_worker()
    scene.heal()


@scenario("duplicate consumer names", command=MANIPULATED, workers=0)
def same_consumer_name(scene: Scene) -> None:
    """Two workers with one name; one dies while the other keeps the name alive."""
    victim, _ = (scene.start_worker(FAULTS_CONSUMER="same") for _ in range(2))
    scene.run_in()
    begin = now()
    victim.kill()
    running = running_now(read_runs(scene.folder)).values()
    held = frozenset(run.id for run in running if run.worker == victim.name)
    scene.faults.append(
        Fault(kind="kill -9", begin=begin, end=now(), workers=frozenset([victim.name]), held=held)
    )
    scene.audit()


@scenario("workers' clocks an hour off", command=MANIPULATED, workers=0)
def clocks(scene: Scene) -> None:
    """One clock ahead, one behind: leases and retries use the server's clock."""
    victim = scene.start_worker(FAULTS_CLOCK="3600")
    scene.start_worker(FAULTS_CLOCK="-3600")
    scene.run_in()
    scene.kill(victim)
    scene.start_worker(FAULTS_CLOCK="3600")
    scene.heal()


@scenario("a rollout that shortens the lease", terms=replace(TERMS, lease=6.0), workers=1)
def rollout(scene: Scene) -> None:
    """New workers with a short lease claim nothing from old ones, which renew theirs less often."""
    (old,) = scene.live
    scene.occupy(old, 3)
    scene.start_worker(replace(scene.terms, lease=0.5))
    scene.heal()
    scene.stay(2.5)
    scene.open_gate(old)
    scene.audit()


@own_scenario("a type that old workers do not know", workers=0)
def deploy(scene: Scene) -> None:
    """With new workers present it waits for them; before, it is dead-lettered, and runs after a requeue."""
    older, newer = (
        {"kinds": kinds, "settings": {"unknown_type": "dead_letter"}} for kinds in ([KIND], [KIND, _NEW_KIND])
    )
    old = [scene.start_worker(routes=older) for _ in range(2)]
    scene.run_in()
    early = {scene.producer.send(kind=_NEW_KIND, work=0.02) for _ in range(20)}
    wait_for(lambda: early <= _dead(scene), "the first new messages to die", scene.patience)
    new = scene.start_worker(routes=newer)
    scene.heal()
    scene.stay(_NOTED)
    late = {scene.producer.send(kind=_NEW_KIND, work=0.02) for _ in range(40)}
    wait_for(lambda: late <= _done(scene) | _dead(scene), "the others to run", scene.patience)
    scene.audit()
    if late & _dead(scene):
        scene.problems.append("old workers have dead-lettered what new ones know")
    for worker in old:
        worker.terminate()
        worker.wait()
    new.command("dead", "retry", "--type", _NEW_KIND, "--config", str(new.config))
    scene.start_worker(routes=newer)
    scene.heal()


@scenario("order_by, and kill -9 of a worker", workers=0)
def keep_order(scene: Scene) -> None:
    """Within each worker equal keys run one at a time and in order, including claimed entries."""
    ordered = {"settings": {"order_by": "key"}}
    victim, _ = (scene.start_worker(routes=ordered) for _ in range(2))
    scene.run_in()
    scene.kill(victim)
    scene.audit()
    scene.start_worker(routes=ordered)
    scene.heal()
    scene.problems += disorder(read_runs(scene.folder), KEYS)


def kill_at(scene: Scene, pattern: bytes, lose: Any) -> None:
    """Send kill -9 at the moment when a matching request, or its reply, is in flight."""
    victim = _victim(scene)
    trap = victim.proxy.trap(pattern, lose)
    if not trap.sprung.wait(20):
        scene.problems.append(f"nothing was sent that matches {pattern!r}")
    scene.kill(victim)
    scene.audit()
    scene.start_worker()
    scene.heal()


def _victim(scene: Scene) -> Worker:
    return scene.rng.choice(scene.live)


def _suicide(scene: Scene, moment: str) -> None:
    scene.producer.send(die=moment, work=0.05)
    scene.wait_for_death(f"kill -9 {moment} the effect")
    scene.audit()
    scene.start_worker()
    scene.heal()


def _done(scene: Scene) -> set[str]:
    return {run.id for run in read_runs(scene.folder) if run.what == "done"}


def _dead(scene: Scene) -> set[str]:
    return {entry_id for entry_id, _ in scene.state().dead}


def _wait_for_effect(scene: Scene, entry_id: str) -> None:
    wait_for(
        lambda: any(run.id == entry_id and run.what == "done" for run in read_runs(scene.folder)),
        f"the effect of {entry_id}",
        60,
    )
