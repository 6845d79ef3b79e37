"""Projects in tests: a folder with routes and handlers, in which the command runs as users run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from redis import Redis

from repository import ROOT
from servers import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMEOUT = 120.0  # seconds; far more than a command takes on a busy machine

JOBS = '''
"""Handlers that leave a line in the ledger, for the test to read."""

import asyncio
import os
import time
from pathlib import Path

from streamroute import Reject, Retry

HERE = Path(__file__).parent


def note(*words):
    with open(HERE / "ledger", "a") as ledger:
        ledger.write(" ".join(map(str, words)) + "\\n")


async def ok(payload, *, to="ok"):
    note(to, payload["n"])


def plain(payload, *, to="plain"):
    note(to, payload["n"])


async def fail(payload):
    note("fail", payload["n"], payload.attempt)
    raise ValueError("no such guest")


async def fail_once(payload):
    note("try", payload["n"], payload.attempt)
    if payload.attempt == 1:
        raise ConnectionError("not now")


async def leave(payload):
    note("leave", payload["n"])
    raise SystemExit(7)


async def wait(payload):
    """Until the test says go."""
    note("started", payload["n"])
    while not (HERE / "go").exists():
        await asyncio.sleep(0.005)
    note("done", payload["n"])


async def never(payload):
    note("started", payload["n"])
    await asyncio.Event().wait()


async def stubborn(payload):
    note("started", payload["n"])
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            note("refused to go")


async def blocking(payload):
    note("started", payload["n"])
    while True:
        time.sleep(1)


def never_in_a_thread(payload):
    note("started", payload["n"])
    while True:
        time.sleep(1)
'''

ROUTES = """
version: 1
redis:
  url: ${REDIS_URL:-embedded}
streams:
  events:
    group: tests
    grace: 20s
    lease: 5m
    claim_interval: 100ms
    retry: {max_attempts: 2, delay: 50ms}
routes:
"""
SHORT_LEASE = ROUTES.replace("lease: 5m", "lease: 1s")
"""For tests that wait for the end of a lease; a busy machine may run a message twice under it."""

SHORT_DEADLINE = """
from streamroute.ops.serve import stop_time
from streamroute.cli.entry import main
stop_time._BEYOND_GRACE = 0.5
main()
"""
"""A program for ``Project.start`` that ends half a second after the grace period of a stop."""


QUICK_SNAPSHOTS = """
from streamroute.adapters.snapshots.writer import SnapshotWriter
from streamroute.cli.entry import main
SnapshotWriter.__init__.__kwdefaults__["every"] = 0.1
main()
"""
"""A program for ``Project.start`` whose workers write their snapshots ten times a second."""


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie counts as ended."""
    try:
        os.kill(pid, 0)
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return True


class Running:
    """A running command; its output goes to files, so that a full pipe cannot block it."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process = process
        self._out, self._err = out, err

    @property
    def err(self) -> str:
        """The command's stderr so far."""
        return self._err.read_text()

    @property
    def out(self) -> str:
        """The command's stdout so far."""
        return self._out.read_text()

    @property
    def stdin(self) -> IO[bytes]:
        """The command's standard input; writes must be flushed."""
        assert self.process.stdin is not None
        return self.process.stdin

    def expect_log(self, text: str) -> Self:
        """Wait until the text appears in its stderr."""
        wait_until(lambda: text in self.err or self.has_ended, f"{text!r} in {self._err}")
        assert text in self.err, self.err
        return self

    def insist(self, number: signal.Signals) -> Self:
        """Repeat a signal until the process ends: one sent soon after the first counts as a second one."""
        wait_until(lambda: self.signal(number).has_ended, f"the end after signal {number}", _TIMEOUT)
        return self

    def signal(self, number: signal.Signals) -> Self:
        """Send it a signal."""
        self.process.send_signal(number)
        return self

    def end(self) -> Done:
        """Wait for its end."""
        self.process.wait(_TIMEOUT)
        return Done(self.process.returncode, self._out.read_text(), self.err)

    @property
    def has_ended(self) -> bool:
        """Whether its process has ended."""
        return self.process.poll() is not None


class Project:
    """A folder in which commands run; a context manager that leaves no process behind."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.env = {**os.environ, "PYTHONPATH": str(ROOT), **env}
        self._stack = ExitStack()
        self._started = 0

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file; return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def routes(self, *routes: str, head: str = ROUTES) -> None:
        """Write the handlers, and routes.yaml from routes in flow style without their braces."""
        lines = [f"  - {{{route}}}\n" for route in routes] or ["  []\n"]
        self.write("routes.yaml", head + "".join(lines))
        self.write("jobs.py", JOBS)

    def start(
        self, *arguments: str, program: tuple[str, str] = ("-m", "streamroute"), **settings: Any
    ) -> Running:
        """Start ``streamroute`` with these arguments; ``settings`` are Popen's.

        ``program`` are Python's arguments before them, so that a test can patch something first.
        """
        self._started += 1
        out, err = (self.folder / f"{name}-{self._started}" for name in ("out", "err"))
        with out.open("wb") as out_file, err.open("wb") as err_file:
            process = subprocess.Popen(
                [sys.executable, *program, *arguments],
                cwd=self.folder,
                env=self.env,
                stdout=out_file,
                stderr=err_file,
                **{"stdin": subprocess.DEVNULL, **settings},
            )
        self._stack.callback(_clear_away, process)
        return Running(process, out, err)

    def run(self, *arguments: str, **settings: Any) -> Done:
        """Run ``streamroute`` to its end."""
        return self.start(*arguments, **settings).end()

    def feed(self, *events: str) -> Path:
        """Write events.jsonl."""
        return self.write("events.jsonl", "".join(f"{event}\n" for event in events))

    @property
    def redis(self) -> Any:
        """A client of the project's server; replies are bytes."""
        client = Redis.from_url(self.env["REDIS_URL"])
        self._stack.callback(client.close)
        return client

    def pending(self) -> int:
        """Return the number of entries of the stream ``events`` that are pending in the group ``tests``."""
        return int(self.redis.xpending("events", "tests")["pending"])

    def dead(self) -> int:
        """Return the number of that group's dead letters."""
        return int(self.redis.xlen("{events}:tests:dead"))

    @property
    def ledger(self) -> list[str]:
        """Return the handlers' notes so far, in order."""
        path = self.folder / "ledger"
        return path.read_text().splitlines() if path.exists() else []

    def notes(self, line: str) -> None:
        """Wait until a handler has written this note."""
        wait_until(lambda: line in self.ledger, f"{line!r} in the ledger")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


def _clear_away(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.kill()
    process.wait()
