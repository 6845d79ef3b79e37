"""Scenarios with several faults in a row, because faults seldom come alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import network_faults
import server_faults
import worker_faults
from scenarios import scenario

if TYPE_CHECKING:
    from scenarios import Strike
    from scene import Scene

_EVENTS: tuple[Strike, ...] = (
    worker_faults.kill,
    worker_faults.kill_before_effect,
    worker_faults.kill_after_effect,
    worker_faults.kill_before_settle,
    worker_faults.kill_after_settle,
    server_faults.kill_server,
    server_faults.fill,
    server_faults.flush_scripts,
    server_faults.kill_clients,
    server_faults.hang_server,
    server_faults.make_replica,
    server_faults.change_password,
    network_faults.partition,
    network_faults.half_open,
    network_faults.late,
    network_faults.drop_settle_reply,
    network_faults.drop_read_reply,
)
_A_DAY = 3  # an entry hit by each of them is then on its last delivery


@scenario("a bad day", server={"append_only": True})
def bad_day(scene: Scene) -> None:
    """Three different faults."""
    for strike in scene.rng.sample(_EVENTS, _A_DAY):
        strike(scene)
