"""What happens between a worker and the server."""

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
    """One worker is cut off for longer than its lease; it finishes what others have taken."""
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
    """They look alive and lose every byte; new ones work."""
    victim = _victim(scene)
    with scene.fault("half-open", victim, held=scene.held_by(victim)):
        victim.proxy.go_deaf()
        scene.stay(lapse())
    scene.audit()
    scene.heal()


@scenario("requests that arrive late")
def late(scene: Scene) -> None:
    """What a worker sent is carried out when others own its entries."""
    victim = _victim(scene)
    with scene.fault("late requests", victim, held=scene.held_by(victim)):
        victim.proxy.hold()
        scene.stay(lapse())
        victim.proxy.let_go()
    scene.audit()
    scene.heal()
    scene.audit()


@scenario("slow replies", slow=True)
def slow(scene: Scene) -> None:
    """No fault at all, for the oracle: nothing runs twice."""
    victim = _victim(scene)
    victim.proxy.delay(0.2)
    scene.stay(1.5)
    victim.proxy.delay(0)
    scene.audit()
    scene.heal()


@scenario("a settle script's reply is dropped")
def drop_settle_reply(scene: Scene) -> None:
    """The script ran; it is sent again, and nothing runs twice."""
    _drop(scene, SETTLE)


@scenario("a read's reply is dropped")
def drop_read_reply(scene: Scene) -> None:
    """The server has handed entries to a worker that never saw them: somebody else has to."""
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
