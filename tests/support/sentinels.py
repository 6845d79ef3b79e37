"""A real master with replicas, and three sentinels that watch them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from servers import RealServer, free_port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack
    from pathlib import Path

_DATA = ["--requirepass", "hunter2", "--masterauth", "hunter2", "--repl-diskless-sync-delay", "0"]
_PATIENCE = 2000  # ms; longer than a busy machine stalls a server, so that no failover happens unasked
_CONFIG = """
port {port}
bind 127.0.0.1
requirepass watch3r
sentinel sentinel-pass watch3r
sentinel monitor main 127.0.0.1 {master} 2
sentinel auth-pass main hunter2
sentinel down-after-milliseconds main {patience}
sentinel failover-timeout main 2000
"""


class RealSentinel(RealServer):
    """A sentinel that watches the master on a port; ``options`` make it connect over TLS.

    ``patience`` is the time in ms after which a silent server counts as down.
    """

    def __init__(
        self, binary: Path, master: int, *, options: Sequence[str] = (), patience: int = _PATIENCE
    ) -> None:
        super().__init__(binary, port=free_port())
        config = _CONFIG.format(port=self.port, master=master, patience=patience)
        (self.folder / "conf").write_text(config)
        self._own = [*options, *(["--tls-replication", "yes"] if options else [])]

    def ask(self, *words: str) -> Any:
        """Send a command. Raise what redis-py raises."""
        with plain_client(self.port, "watch3r") as client:
            return client.execute_command(*words)

    def _arguments(self) -> list[str]:
        config = self.folder / "conf"
        return [str(self.binary), str(config), "--dir", str(self.folder), "--sentinel", *self._own]


class Watched:
    """A master with replicas, and three sentinels that watch them with ``patience`` (ms)."""

    def __init__(
        self,
        binary: Path,
        stack: ExitStack,
        *,
        replicas: int = 1,
        append_only: bool = False,
        patience: int = _PATIENCE,
    ) -> None:
        port, self.nobody = free_port(), free_port()
        data = ["--appendonly", "yes" if append_only else "no", *_DATA]
        self.master = stack.enter_context(RealServer(binary, port=port, options=data))
        options = [*data, "--replicaof", "127.0.0.1", str(port)]
        self.replicas = [
            stack.enter_context(RealServer(binary, port=free_port(), options=options))
            for _ in range(replicas)
        ]
        self.sentinels = [
            stack.enter_context(RealSentinel(binary, port, patience=patience)) for _ in range(3)
        ]

    @property
    def url(self) -> str:
        """A Sentinel URL whose first host never answers."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in (self.nobody, *(s.port for s in self.sentinels)))
        return f"redis+sentinel://:hunter2@{hosts}/main/0?sentinel_password=watch3r"

    @property
    def master_port(self) -> int:
        """Return the master's port, as the first sentinel knows it."""
        _, port = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")
        return int(port)

    def is_ready(self) -> bool:
        """Whether the replicas are in sync, and all sentinels know each other and the replicas."""
        return all(map(_is_in_step, self.replicas)) and all(map(self._knows_all, self.sentinels))

    def fail_over(self) -> None:
        """Have the sentinels promote a replica; the old master stays up and is reconfigured later."""
        self.sentinels[0].ask("SENTINEL", "FAILOVER", "main")

    def _knows_all(self, sentinel: RealSentinel) -> bool:
        facts = sentinel.ask("SENTINEL", "MASTER", "main")
        state = dict(zip(facts[::2], facts[1::2], strict=True))
        return (int(state[b"num-other-sentinels"]), int(state[b"num-slaves"])) == (2, len(self.replicas))


def plain_client(port: int | None, password: str = "hunter2") -> Any:  # noqa: S107 - the password of these servers
    """Return a client of one server that never retries a command; replies are raw RESP2."""
    client = Redis(
        port=port or 0, password=password, retry=Retry(NoBackoff(), 0), socket_timeout=5, protocol=2
    )
    client.response_callbacks.clear()
    return client


def _is_in_step(replica: RealServer) -> bool:
    try:
        with plain_client(replica.port) as client:
            role, *facts = client.execute_command("ROLE")
    except (RedisError, OSError):
        return False
    return bool(role == b"slave" and facts[2] == b"connected")
