"""Faults of the server: killed, emptied, full, frozen, refusing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger import now
from oracle import Fault
from producer import GROUP, STREAM
from scenarios import scenario

if TYPE_CHECKING:
    from scene import Scene


@scenario("kill -9 of Redis, AOF always", server={"append_only": True})
def kill_server(scene: Scene) -> None:
    """Every acknowledged write is restored."""
    with scene.fault("kill -9 of Redis"):
        scene.server.kill()
        scene.server.start()
    scene.audit()
    scene.heal()


@scenario(
    "kill -9 of Redis, AOF everysec",
    server={"append_only": True, "options": ["--appendfsync", "everysec"]},
)
def kill_server_everysec(scene: Scene) -> None:
    """The last second may be lost, and with it the messages sent in it."""
    begin = now()
    scene.server.kill()
    scene.server.start()
    scene.faults.append(
        Fault(kind="kill -9 of Redis", begin=begin - 1, end=now(), forgiven=(begin - 1, begin))
    )
    scene.heal()


@scenario(
    "LOADING",
    server={
        "append_only": True,
        # Every command takes 1 ms to load; after each thousand the server answers clients, with LOADING.
        "options": ["--key-load-delay", "1000"],
    },
)
def load(scene: Scene) -> None:
    """A restarted server that loads its data for longer than a lease before it accepts commands."""
    for n in range(3000):  # so short a run's messages are soon read
        scene.client.set(f"{n} of what others keep there", "")
    with scene.fault("LOADING"):
        scene.server.kill()
        scene.server.start()
    said = scene.client.execute_command("INFO", "errorstats")
    if b"errorstat_LOADING" not in said:
        scene.problems.append("no worker met a server that was loading")
    scene.audit()
    scene.heal()


@scenario("FLUSHALL")
def flush(scene: Scene) -> None:
    """Existing messages are lost; later ones are not."""
    _destroy(scene, "FLUSHALL")
    scene.expect_log("group")


@scenario("DEL of the stream")
def delete(scene: Scene) -> None:
    """The group is deleted with its stream."""
    _destroy(scene, "DEL", STREAM)
    scene.expect_log("group")


@scenario("XGROUP DESTROY")
def destroy_group(scene: Scene) -> None:
    """Nothing is lost; finished messages may run again."""
    with scene.fault("a group created again", repeats=True):
        scene.client.execute_command("XGROUP", "DESTROY", STREAM, GROUP)
    scene.audit()
    scene.heal()
    scene.expect_log("group")


@scenario("out of memory, noeviction")
def fill(scene: Scene) -> None:
    """Entries whose outcomes cannot be written stay pending."""
    with scene.fault("out of memory"):
        scene.client.execute_command("CONFIG", "SET", "maxmemory", "1")
        scene.stay(1.5)
        scene.client.execute_command("CONFIG", "SET", "maxmemory", "0")
        scene.audit()  # not before: a full Redis 6.2 refuses the transaction that reads
    scene.heal()


@scenario("SCRIPT FLUSH")
def flush_scripts(scene: Scene) -> None:
    """Repeatedly; workers are not affected."""
    for _ in range(10):
        scene.client.execute_command("SCRIPT", "FLUSH")
        scene.stay(0.05)
    scene.audit()
    scene.heal()


@scenario("CLIENT KILL")
def kill_clients(scene: Scene) -> None:
    """Every connection, five times."""
    with scene.fault("CLIENT KILL"):
        for _ in range(5):
            scene.client.execute_command("CLIENT", "KILL", "TYPE", "normal")
            scene.stay(0.2)
    scene.audit()
    scene.heal()


@scenario("the server hangs")
def hang_server(scene: Scene) -> None:
    """For longer than the lease and every timeout."""
    with scene.fault("the server hangs"):
        scene.server.pause()
        scene.stay(2.5)
        scene.server.resume()
    scene.audit()
    scene.heal()


@scenario("READONLY")
def make_replica(scene: Scene) -> None:
    """The server becomes a replica for a while."""
    with scene.fault("READONLY"):
        scene.client.execute_command("REPLICAOF", "127.0.0.1", "1")
        scene.stay(1.5)
        scene.audit()
        scene.client.execute_command("REPLICAOF", "NO", "ONE")
    scene.heal()


@scenario("a password that workers do not have")
def change_password(scene: Scene) -> None:
    """The password was changed too early, and is changed back."""
    with scene.fault("a changed password"):
        scene.client.execute_command("CONFIG", "SET", "requirepass", "rotated")
        scene.client.execute_command("CLIENT", "KILL", "TYPE", "normal")
        scene.stay(1.0)
        scene.client.execute_command("CONFIG", "SET", "requirepass", "")
    scene.audit()
    scene.heal()


def _destroy(scene: Scene, *command: str) -> None:
    """Another client deletes entries: messages sent before are not promised, later ones are."""
    begin = now()
    scene.client.execute_command(*command)
    scene.faults.append(Fault(kind=command[0], begin=begin, end=now(), forgiven=(0, now())))
    scene.heal()
    scene.audit()
