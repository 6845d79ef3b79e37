"""Systems with replicas, for faults: a cluster, and a master with sentinels; and a client for the test.

Replication is asynchronous, so a failover may lose writes acknowledged just before it. Workers tolerate
that: entries they had settled run again. A message counts as sent only once every replica has it.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from redis.exceptions import AskError, MovedError, RedisError

from clusters import RealCluster, RealNode
from producer import STREAM
from sentinels import Watched, plain_client
from streamroute.keys import slot
from waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from servers import RealServer

SLOT: Final = slot(STREAM)
_TIMEOUT: Final = 60.0
_IN_STEP: Final = 500  # ms in which replicas must confirm a message
_SILENCE: Final = 2000  # ms after which a silent server counts as down: longer than a busy machine stalls one
_QUICK: Final = "socket_timeout=2&socket_connect_timeout=2"


class System(Protocol):
    """The system under test; ``replicas`` must confirm a message, or it is sent again."""

    replicas: int

    @property
    def url(self) -> str:
        """The URL for workers."""
        ...

    def locate(self) -> RealServer:
        """Return the server that has the stream. Raise LookupError or redis-py's error if it is unknown."""
        ...

    def client_of(self, server: RealServer) -> Any:
        """Return a plain client of one server."""
        ...


class ClusterSystem:
    """Three masters with one replica each."""

    def __init__(self, binary: Path) -> None:
        self.replicas = 1
        self.cluster = RealCluster(binary, append_only=True, patience=_SILENCE)

    def __enter__(self) -> Self:
        self.cluster.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.cluster.__exit__(*error)

    @property
    def url(self) -> str:
        """See ``System``."""
        return f"{self.cluster.url}/?{_QUICK}"

    def locate(self) -> RealNode:
        """See ``System``."""
        return self.cluster.master_of(SLOT)

    def client_of(self, server: RealServer) -> Any:
        """See ``System``."""
        return plain_client(server.port, "")


class SentinelSystem:
    """A master and two replicas; one of them replicates from the new master right after a failover."""

    def __init__(self, binary: Path) -> None:
        self.replicas = 2
        self._binary = binary
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.watched = Watched(self._binary, self._stack, replicas=2, append_only=True, patience=_SILENCE)
            wait_for(self.watched.is_ready, "the sentinels to know each other", _TIMEOUT)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def url(self) -> str:
        """See ``System``."""
        return f"{self.watched.url}&{_QUICK}"

    def locate(self) -> RealServer:
        """See ``System``."""
        port = self.watched.master_port
        return next(s for s in (self.watched.master, *self.watched.replicas) if s.port == port)

    def client_of(self, server: RealServer) -> Any:
        """See ``System``."""
        return plain_client(server.port)


class FollowingClient:
    """A client for the test itself: it locates the server at each call, without the library under test."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._clients: dict[int | None, Any] = {}

    def xadd(self, stream: str, fields: dict[bytes, bytes]) -> bytes:
        """Send XADD, and wait for the replicas. Raise RedisError if one does not confirm it in time."""
        replicas = self._system.replicas  # before the server is located: it may be replaced for good
        words = [part for pair in fields.items() for part in pair]
        client, entry_id = self._execute("XADD", stream, "*", *words)
        if replicas and client.execute_command("WAIT", replicas, _IN_STEP) < replicas:
            raise RedisError("the replicas are behind")
        return bytes(entry_id)

    def execute_command(self, *words: Any) -> Any:
        """Send a command. Raise what redis-py raises."""
        return self._execute(*words)[1]

    def pipeline(self, **settings: Any) -> Any:
        """Return a pipeline to the server that has the stream now."""
        return self._here().pipeline(**settings)

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()

    def _execute(self, *words: Any) -> tuple[Any, Any]:
        client = self._here()
        try:
            return client, client.execute_command(*words)
        except MovedError:
            raise
        except AskError as error:
            client = self._at(error.port, partial(plain_client, error.port, ""))
            pipeline = client.pipeline(transaction=False)
            pipeline.execute_command("ASKING")
            pipeline.execute_command(*words)
            return client, pipeline.execute()[1]

    def _here(self) -> Any:
        try:
            server = self._system.locate()
        except LookupError as error:
            raise RedisError(str(error)) from error
        return self._at(server.port, partial(self._system.client_of, server))

    def _at(self, port: int | None, make: Callable[[], Any]) -> Any:
        if port not in self._clients:
            self._clients[port] = make()
        return self._clients[port]
