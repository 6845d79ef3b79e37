"""Faults of a cluster, and of a master with sentinels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from replicated import SLOT, ClusterSystem, SentinelSystem
from scenarios import scenario
from waiting import wait_for

if TYPE_CHECKING:
    from scene import Scene
    from servers import RealServer

_FAILED_OVER = 30.0  # seconds within which a failover is certainly complete
_TORN = 1.0  # seconds that a slot migrates: less than the lease


@scenario("Cluster: a slot moves under load", system=ClusterSystem)
def reshard(scene: Scene) -> None:
    """Key by key, there and back: nothing may run twice."""
    cluster = scene.system.cluster
    for _ in range(3):
        source = scene.system.locate()
        target = scene.rng.choice([n for n in cluster.nodes if n is not source and n.is_master])
        left = _TORN
        for _ in cluster.moving(SLOT, target):
            pause = scene.rng.uniform(0, left / 3)
            scene.stay(pause)
            left -= pause
        scene.heal()
        scene.audit()


@scenario("Cluster: kill -9 of a master", system=ClusterSystem)
def kill_cluster_master(scene: Scene) -> None:
    """Its replica takes over; entries whose acknowledgements it had not received run again."""
    master = scene.system.locate()
    scene.system.cluster.replica_of(master)
    with scene.fault("Cluster failover"):
        master.kill()
        _wait_for_another(scene, master)
    scene.heal()
    master.start()
    wait_for(lambda: not master.is_master, "the old master to follow", _FAILED_OVER)
    scene.heal()
    scene.audit()


@scenario("Cluster: a slot is down", system=ClusterSystem)
def take_slot_down(scene: Scene) -> None:
    """No replica can take over; every acknowledged write is restored."""
    master = scene.system.locate()
    replica = scene.system.cluster.replica_of(master)
    replica.kill()
    with scene.fault("a slot is down"):
        master.kill()
        scene.stay(2.5)
        master.start()
        replica.start()
        wait_for(lambda: _serves(scene, master), "the slot to be back", _FAILED_OVER)
    scene.heal()
    scene.audit()
    scene.expect_log("reading from", "failed; retrying")
    scene.expect_log("reading from", "recovered")


@scenario("Sentinel: kill -9 of the master", system=SentinelSystem)
def kill_watched_master(scene: Scene) -> None:
    """The sentinels promote a replica."""
    master = scene.system.locate()
    with scene.fault("Sentinel failover"):
        master.kill()
        _wait_for_another(scene, master)
    scene.heal()
    master.start()
    scene.heal()
    scene.audit()


@scenario("Sentinel: the master is replaced, and lives", system=SentinelSystem)
def replace_watched_master(scene: Scene) -> None:
    """The old master accepts and loses writes until reconfigured; workers have left by then."""
    master = scene.system.locate()
    with scene.fault("Sentinel failover"):
        scene.system.watched.fail_over()
        _wait_for_another(scene, master)
        scene.stay(1.0)  # workers query the sentinels once a second
    scene.heal()
    scene.audit()


def _wait_for_another(scene: Scene, master: RealServer) -> None:
    """Wait for another master; from then on, no replica has to confirm writes."""

    def is_replaced() -> bool:
        try:
            return scene.system.locate() is not master
        except (LookupError, RedisError, OSError):
            return False

    wait_for(is_replaced, "another master", _FAILED_OVER)
    scene.system.replicas = 0


def _serves(scene: Scene, master: RealServer) -> bool:
    try:
        return scene.system.locate() is master and bool(scene.client.execute_command("EXISTS", "orders"))
    except (LookupError, RedisError, OSError):
        return False
