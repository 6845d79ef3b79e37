"""Faults between a worker and the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenarios import scenario
from scene import lapse
from worker_faults import SETTLE

if TYPE_CHECKING:
    from scene import Scene
    from worker_process import Worker


@scenario("partition")
def partition(scene: Scene) -> None:
    """One worker is cut off for longer than its lease; it finishes entries that others have claimed."""
    victim = _victim(scene)
    with scene.fault("partition", victim, held=scene.held_by(victim)):
        victim.proxy.cut()
        scene.stay(lapse())
        scene.audit()
        victim.proxy.mend()
    scene.heal()
    scene.audit()


@scenario("half-open connections")
def half_open(scene: Scene) -> None:
    """The connections look alive and lose every byte; new ones work."""
    victim = _victim(scene)
    with scene.fault("half-open", victim, held=scene.held_by(victim)):
        victim.proxy.drop_data()
        scene.stay(lapse())
    scene.audit()
    scene.heal()


@scenario("requests that arrive late")
def late(scene: Scene) -> None:
    """A worker's requests are executed when others own its entries."""
    victim = _victim(scene)
    with scene.fault("late requests", victim, held=scene.held_by(victim)):
        victim.proxy.hold()
        scene.stay(lapse())
        victim.proxy.let_go()
    scene.audit()
    scene.heal()
    scene.audit()


@scenario("slow replies")
def slow(scene: Scene) -> None:
    """Not a fault, for the oracle: nothing runs twice."""
    victim = _victim(scene)
    victim.proxy.delay(0.2)
    scene.stay(1.5)
    victim.proxy.delay(0)
    scene.audit()
    scene.heal()


@scenario("a settle script's reply is dropped")
def drop_settle_reply(scene: Scene) -> None:
    """The script ran; the request is sent again, and nothing runs twice."""
    _drop(scene, SETTLE)


@scenario("a read's reply is dropped")
def drop_read_reply(scene: Scene) -> None:
    """The server has delivered entries to a worker that never received them: another one must claim them."""
    _drop(scene, b"XREADGROUP")


def _drop(scene: Scene, pattern: bytes) -> None:
    victim = _victim(scene)
    for _ in range(3):
        trap = victim.proxy.trap(pattern, "reply", abort=True)
        if not trap.sprung.wait(20):
            scene.problems.append(f"nothing was sent that matches {pattern!r}")
    scene.audit()
    scene.heal()


def _victim(scene: Scene) -> Worker:
    return scene.rng.choice(scene.live)
