"""Supervisor: several worker processes, each started again when it ends by itself, all drained as one.

A worker's standard input is its lifeline: it stays open for as long as the supervisor lives, and a worker
that reads its end drains and ends as well. Signals of a terminal reach the supervisor alone.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from streamroute.incidents import LOGGED, Incident, Incidents

log = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 0.5  # seconds
_LONGEST_PAUSE: Final = 30.0
_STEADY: Final = 60.0  # seconds after which a worker's end is a new trouble, not the old one again
_AT_START: Final = 5.0  # seconds within which an orderly end means that no worker can start


@dataclass(slots=True)
class Supervisor:
    """Keeps ``count`` workers running.

    ``command`` is a worker's command line, but for the path of its report, which comes last. With ``ends``,
    workers end when they are done (a drain), and only one that crashed is started again. ``take`` gets the
    path of the report of each worker that has ended; a worker may have ended before it left one.
    """

    command: Sequence[str]
    count: int
    folder: Path
    ends: bool
    take: Callable[[Path], None]
    incidents: Incidents = LOGGED
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _running: set[Process] = field(default_factory=set)
    _refused: int = 0

    async def run(self) -> int:
        """Run until ``stop()``, or until all are done; returns the exit code of a worker that cannot run."""
        await asyncio.gather(*(self._keep(number) for number in range(1, self.count + 1)))
        return self._refused

    def stop(self) -> None:
        """Have every worker drain and end."""
        self._stop.set()
        for process in self._running:
            _signal(process, signal.SIGTERM)

    async def _keep(self, number: int) -> None:
        pause, crashes = _FIRST_PAUSE, 0
        while not self._stop.is_set():
            began = time.monotonic()
            code = await self._run_one(number, crashes)
            lasted = time.monotonic() - began
            if self._stop.is_set() or (self.ends and code in (0, 1)):
                return
            if code > 0 and crashes == 0 and lasted < _AT_START:
                # It said why: the configuration, a right that it lacks, no Redis. The others say the same.
                self._refused = self._refused or code
                self.stop()
                return
            pause = _FIRST_PAUSE if lasted > _STEADY else pause
            said = "worker %d ended by itself (%s); it starts again in %gs"
            self.incidents.tell(Incident.WORKER_DIED, "", said, number, _said(code), pause)
            await self._wait(pause)
            crashes, pause = crashes + 1, min(2 * pause, _LONGEST_PAUSE)

    async def _run_one(self, number: int, crashes: int) -> int:
        """Start a worker and wait for its end; returns its exit code, negative where a signal ended it."""
        report = self.folder / f"{number}-{crashes}"
        process = await asyncio.create_subprocess_exec(
            *self.command, str(report), stdin=asyncio.subprocess.PIPE, start_new_session=True
        )
        log.info("worker %d is process %d", number, process.pid)
        self._running.add(process)
        if self._stop.is_set():
            _signal(process, signal.SIGTERM)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            _signal(process, signal.SIGTERM)
            raise
        finally:
            self._running.discard(process)
        self.take(report)
        return code

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return


def _signal(process: Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except ProcessLookupError:
        return


def _said(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
