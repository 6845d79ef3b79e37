"""A real cluster for the tests: three masters with one replica each; slots can be moved, nodes killed."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from servers import RealServer, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SLOTS: Final = 16384
_MASTERS: Final = 3
_TIMEOUT: Final = 5000  # ms; longer than a busy machine stalls a node, so that no failover happens unasked


def node_port() -> int:
    """Return a free port whose cluster bus port (10,000 above) is free as well."""
    while True:
        port = free_port()
        try:
            socket.create_server(("127.0.0.1", port + 10_000)).close()
        except (OSError, OverflowError):
            continue
        return port


class RealNode(RealServer):
    """A cluster node, and a plain client of it."""

    def __init__(self, binary: Path, *, append_only: bool = False, patience: int = _TIMEOUT) -> None:
        port = node_port()
        own = ["--cluster-enabled", "yes"]
        own += ["--cluster-node-timeout", str(patience), "--repl-diskless-sync-delay", "0"]
        super().__init__(binary, port=port, append_only=append_only, options=own)
        self.client: Any = Redis(port=port, socket_timeout=5, retry=Retry(NoBackoff(), 0), protocol=2)
        self.client.response_callbacks.clear()

    @property
    def id(self) -> str:
        """The node id within the cluster."""
        return str(self.ask("CLUSTER", "MYID").decode())

    @property
    def is_master(self) -> bool:
        """Whether the node reports itself as a master."""
        return bool(self.ask("ROLE")[0] == b"master")

    @property
    def is_whole(self) -> bool:
        """Whether this node sees every slot served by a reachable master."""
        facts = self.ask("CLUSTER", "INFO").decode()
        return "cluster_state:ok" in facts and f"cluster_slots_ok:{SLOTS}" in facts

    def ask(self, *words: Any) -> Any:
        """Send a command. Raise what redis-py raises."""
        return self.client.execute_command(*words)

    def start(self) -> None:
        """Start the process. Raise RuntimeError if another process answers on its port."""
        super().start()
        if self.ask("CONFIG", "GET", "dir")[1] != str(self.folder.resolve()).encode():
            raise RuntimeError(f"another server has the port {self.port}")

    def discard(self) -> None:
        """Kill the process if it runs, and delete its folder."""
        self.client.close()
        super().discard()


class RealCluster:
    """Six nodes, of which the first three start as masters; a context manager.

    ``append_only`` applies to every node; ``patience`` is the node timeout in ms.
    """

    def __init__(self, binary: Path, *, append_only: bool = False, patience: int = _TIMEOUT) -> None:
        self.nodes: list[RealNode] = []
        self._made = partial(RealNode, binary, append_only=append_only, patience=patience)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            # Bind each port as soon as it is found free: other tests search at the same time.
            for _ in range(2 * _MASTERS):
                self.nodes.append(self._stack.enter_context(self._made()))
            self._join()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """A URL that lists every node."""
        return f"redis+cluster://{self.hosts}"

    @property
    def hosts(self) -> str:
        """The nodes' hosts and ports."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def master_of(self, slot: int) -> RealNode:
        """Return the node that reports serving the slot. Raise LookupError if none does."""
        for node in self.nodes:
            for first, last, master, *_ in self._slots(node):
                if first <= slot <= last and master[1] == node.port:
                    return node
        raise LookupError(f"nobody serves the slot {slot}")

    def replica_of(self, node: RealNode) -> RealNode:
        """Return a replica that is in sync with its master, waiting until there is one."""
        found: list[RealNode] = []

        def is_there() -> bool:
            found[:] = [other for other in self.nodes if self._follows(other, node)]
            return bool(found)

        wait_until(is_there, f"a replica of {node.port}")
        return found[0]

    def move(self, slot: int, target: RealNode) -> None:
        """Move a slot with all its keys."""
        for _ in self.moving(slot, target):
            pass

    def moving(self, slot: int, target: RealNode) -> Iterator[str]:
        """Move a slot; yield each key after its migration. The move is complete when the iteration ends."""
        source = self.master_of(slot)
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
            for key in keys:
                source.ask("MIGRATE", "127.0.0.1", target.port, key, 0, 5000)
                yield key.decode()
        for node in (target, source):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", target.id)

    def _join(self) -> None:
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for number, node in enumerate(self.nodes):
            for other in self.nodes[number + 1 :]:
                node.ask("CLUSTER", "MEET", "127.0.0.1", other.port)
        for number, node in enumerate(self.nodes[:_MASTERS]):
            node.ask(
                "CLUSTER", "ADDSLOTS", *range(number * SLOTS // _MASTERS, (number + 1) * SLOTS // _MASTERS)
            )
        wait_until(lambda: all(self._knows_all(node) for node in self.nodes), "the nodes to meet")
        for master, node in zip(self.nodes, self.nodes[_MASTERS:], strict=False):
            node.ask("CLUSTER", "REPLICATE", master.id)
        wait_until(lambda: all(node.is_whole for node in self.nodes), "the cluster to be whole")
        for master in self.nodes[:_MASTERS]:
            self.replica_of(master)

    def _knows_all(self, node: RealNode) -> bool:
        known = node.ask("CLUSTER", "NODES").decode()
        return known.count(" connected") == len(self.nodes) and "handshake" not in known

    def _slots(self, node: RealNode) -> list[Any]:
        try:
            return list(node.ask("CLUSTER", "SLOTS"))
        except (RedisError, OSError):
            return []

    def _follows(self, node: RealNode, master: RealNode) -> bool:
        try:
            role, *facts = node.ask("ROLE")
            return bool(role == b"slave" and facts[1] == master.port and facts[2] == b"connected")
        except (RedisError, OSError):
            return False
