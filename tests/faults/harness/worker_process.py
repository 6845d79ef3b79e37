"""A worker process that serves routes.yaml and can be disturbed with signals."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import streamroute

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from proxy import Proxy

_ROOMS = Path(__file__).parents[1]
_TIMEOUT = 90.0  # seconds
SERVE = ("-m", "streamroute", "serve", "--log-format", "json", "--no-embedded")
"""The default command of a worker; the path of routes.yaml follows it."""
MANIPULATED = (str(Path(__file__).with_name("worker_entry.py")),)
"""The command of a worker that the environment manipulates: see ``worker_entry``."""


class Worker:
    """One run of a worker with its own name, behind its own proxy.

    ``command`` is what Python runs, ``options`` follow the configuration.
    """

    def __init__(
        self,
        name: str,
        proxy: Proxy,
        config: Path,
        command: Sequence[str] = SERVE,
        environment: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.proxy = proxy
        self.config = config
        self._environment = {**_environment(name, proxy, config.parent), **(environment or {})}
        self._log = config.parent / f"log-{name}"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *command, str(config), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                cwd=config.parent,  # Python's first import folder: not the package beside these tests
            )

    @property
    def is_alive(self) -> bool:
        """Whether the process runs, frozen or not."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id, which is part of its consumer's name."""
        return self._process.pid

    @property
    def log(self) -> str:
        """Its log so far."""
        return self._log.read_text(errors="replace")

    @property
    def processes(self) -> list[int]:
        """The ids of the processes that it has started as a supervisor, in that order."""
        return [int(found) for found in re.findall(r"worker \d+ is process (\d+)", self.log)]

    @property
    def threads(self) -> int | None:
        """The number of its threads; None if the system does not tell."""
        tasks = Path(f"/proc/{self.pid}/task")
        return len(list(tasks.iterdir())) if tasks.exists() else None

    @property
    def memory(self) -> int | None:
        """Its resident memory in bytes; None if the system does not tell."""
        status = Path(f"/proc/{self.pid}/status")
        found = re.search(r"VmRSS:\s+(\d+) kB", status.read_text()) if status.exists() else None
        return int(found[1]) * 1024 if found else None

    def owns(self, consumer: str) -> bool:
        """Whether a consumer of this name is this worker: host, process, random part."""
        return consumer.rsplit("-", 2)[-2:-1] == [str(self.pid)]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a ``streamroute`` command in the worker's environment; return its result."""
        command = [sys.executable, "-m", "streamroute", *words]
        return subprocess.run(
            command, env=self._environment, check=False, capture_output=True, text=True, timeout=_TIMEOUT
        )

    def kill(self) -> None:
        """Send kill -9; return when it is dead."""
        self._process.kill()
        self.wait()

    def pause(self) -> None:
        """Send SIGSTOP: the worker freezes without a notice to anyone."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Send SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def reload(self) -> None:
        """Send SIGHUP: the worker reads its configuration again."""
        self._process.send_signal(signal.SIGHUP)

    def terminate(self) -> None:
        """Send SIGTERM: the worker drains."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for its end; return its exit code (a signal's number, negative)."""
        return self._process.wait(_TIMEOUT)

    def discard(self) -> None:
        """Make sure that it has ended."""
        if self.is_alive:
            self.kill()


def import_path(package: Path) -> str:
    """Return the PYTHONPATH of a worker that imports the package from this folder."""
    rooms = sorted(room for room in _ROOMS.iterdir() if room.is_dir() and room.name != "__pycache__")
    return os.pathsep.join(map(str, (package, *rooms, _ROOMS.parent / "support")))


def _environment(name: str, proxy: Proxy, folder: Path) -> dict[str, str]:
    package = Path(streamroute.__file__).parent.parent
    return {
        **os.environ,
        "PYTHONPATH": import_path(package),
        "FAULTS_FOLDER": str(folder),
        "FAULTS_WORKER": name,
        # A worker notices a silently dead connection only after the socket timeout.
        "FAULTS_URL": f"redis://127.0.0.1:{proxy.port}/0?socket_timeout=2&socket_connect_timeout=2",
    }
