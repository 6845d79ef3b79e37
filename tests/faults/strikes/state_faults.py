"""Faults of the group's state in Redis: corrupted, deleted, or restored from an older snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from group_state import DUE, META
from ledger import now, read_runs
from oracle import Fault
from producer import GROUP, STREAM
from scenarios import own_scenario
from waiting import wait_for

if TYPE_CHECKING:
    from scene import Scene

_RETRIES = 30
_LOOKED_FOR = 5.0  # seconds after which a worker checks again for due retries
_SLOW_RETRIES = {"settings": {"retry": "{max_attempts: 3, delay: 30s, jitter: 0}"}}


@own_scenario("a lost group, and a watermark that cannot be read")
def garble_watermark(scene: Scene) -> None:
    """The group starts again anyway, and logs once that it has no watermark."""
    pipeline = scene.client.pipeline(transaction=True)
    pipeline.execute_command("HSET", META, "low", "abc")
    pipeline.execute_command("XGROUP", "DESTROY", STREAM, GROUP)
    with scene.fault("a group created again", repeats=True):
        pipeline.execute()
    scene.audit()
    scene.heal()
    scene.expect_log("watermark", "is invalid")
    wait_for(lambda: _has_noted(scene), "a watermark to be noted anew", scene.patience)


@own_scenario("due times of retries are lost", workers=0)
def lose_due_times(scene: Scene) -> None:
    """Scheduled retries are reinjected at once, although they were due much later, and that is logged."""
    for _ in range(2):
        scene.start_worker(routes=_SLOW_RETRIES)
    sent = {scene.producer.send(fails=1) for _ in range(_RETRIES)}
    wait_for(lambda: sent <= _scheduled(scene), "the retries to wait", scene.patience)
    some = scene.client.execute_command("ZRANGE", DUE, 0, _RETRIES // 3)
    _lose(scene, {name.decode().partition("|")[0] for name in some}, "ZREM", *some)
    _lose(scene, sent, "DEL")
    scene.expect_log("without a due time")


def _lose(scene: Scene, retries: set[str], command: str, *names: bytes) -> None:
    begin = now()
    scene.client.execute_command(command, DUE, *names)
    wait_for(lambda: retries <= _flaky_done(scene), f"the retries to run after {command}", scene.patience)
    scene.recovered(f"{command} of due times", now() - begin, _LOOKED_FOR)


@own_scenario("a server that was restored from an older day")
def restore(scene: Scene) -> None:
    """What arrived since the snapshot is lost, what was done since runs again, and both are logged."""
    scene.client.execute_command("SAVE")
    saved = now()
    scene.heal()
    scene.producer.wait_for(scene.producer.count + 50)
    scene.server.kill()
    scene.server.start()
    scene.faults.append(
        Fault(kind="an older snapshot", begin=saved, end=now(), forgiven=(saved, now()), repeats=True)
    )
    scene.heal()
    scene.expect_log("has gone back")


def _scheduled(scene: Scene) -> set[str]:
    return {entry_id for entry_id, _ in scene.state().scheduled}


def _flaky_done(scene: Scene) -> set[str]:
    return {run.id for run in read_runs(scene.folder) if (run.route, run.what) == ("flaky", "done")}


def _has_noted(scene: Scene) -> bool:
    noted: bytes | None = scene.client.execute_command("HGET", META, "low")
    return noted not in (None, b"abc")
