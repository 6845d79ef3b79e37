"""Kills while a route is paused: its messages are parked, or return to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from group_state import PARKED, PAUSED
from scenarios import own_scenario
from waiting import wait_for

if TYPE_CHECKING:
    from scene import Scene

_ROUTE = "flaky"
_PARKED = 10
_SINCE = 1_700_000_000_000


@own_scenario("kill -9 of a worker that parks")
def kill_while_parking(scene: Scene) -> None:
    """What it has settled is parked once; what it has not is parked by another worker."""
    _pause(scene)
    _wait_for_parked(scene, _PARKED)
    scene.kill(scene.rng.choice(scene.live))
    scene.audit()
    scene.start_worker()
    scene.heal()
    _wait_for_parked(scene, 2 * _PARKED)
    scene.audit()
    _resume(scene)
    _wait_until_none_is_parked(scene)
    scene.heal()


@own_scenario("kill -9 while parked messages return")
def kill_while_returning(scene: Scene) -> None:
    """One script moves each message: it is parked, or in the retry stream, whoever dies."""
    _pause(scene)
    _wait_for_parked(scene, 5 * _PARKED)
    parked = _count(scene)
    _resume(scene)
    wait_for(lambda: _count(scene) < parked, "messages to return", scene.patience)
    scene.kill(scene.rng.choice(scene.live))
    scene.audit()
    scene.start_worker()
    _wait_until_none_is_parked(scene)
    scene.heal()
    scene.audit()


def _pause(scene: Scene) -> None:
    pause = {"kind": "manual", "since": _SINCE, "who": "the test", "reason": ""}
    scene.client.execute_command("HSET", PAUSED, _ROUTE, json.dumps(pause))


def _resume(scene: Scene) -> None:
    scene.client.execute_command("HDEL", PAUSED, _ROUTE)


def _count(scene: Scene) -> int:
    return int(scene.client.execute_command("ZCARD", PARKED))


def _wait_for_parked(scene: Scene, count: int) -> None:
    wait_for(lambda: _count(scene) >= count, f"{count} parked messages", scene.patience)


def _wait_until_none_is_parked(scene: Scene) -> None:
    wait_for(lambda: not _count(scene), "all parked messages to return", scene.patience)
