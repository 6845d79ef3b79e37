"""``serve --workers N``: the command line of a worker, its lifeline, and the tables of all as one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from streamroute.incidents import Incidents

if TYPE_CHECKING:
    from streamroute.ops.worker_reports import WorkerReports

REPORT_OPTION = "--worker-report"
"""A hidden option of ``serve``: where a worker leaves its counts. It makes the process a worker."""


def worker_command(config: Path, options: Sequence[str]) -> list[str]:
    """A worker's command line, to be followed by the path of its report."""
    # -P: the folder where the command was given is no place to import from, as it is none for the command.
    return [sys.executable, "-P", "-m", "streamroute", "serve", str(config), *options, REPORT_OPTION]


@contextmanager
def report_folder() -> Iterator[Path]:
    """A folder for the reports of workers."""
    with tempfile.TemporaryDirectory(prefix="streamroute-") as folder:
        yield Path(folder)


async def supervise(command: Sequence[str], count: int, reports: WorkerReports, *, ends: bool) -> int:
    """Run workers until a signal, or until all are done; ``reports`` gets their counts."""
    from streamroute.cli.signals import stopping_on_signals
    from streamroute.ops.supervisor import Supervisor

    incidents = Incidents(reports.ended.watch)
    supervisor = Supervisor(command, count, reports.folder, ends, reports.end, incidents)
    with stopping_on_signals(supervisor.stop):
        return await supervisor.run()


def watch_lifeline(stop: asyncio.Event) -> None:
    """Set ``stop`` when the supervisor is gone, which ends standard input.

    If that happens during the drain, the supervisor was told to stop at once: so does this process, and
    what is unfinished stays pending.
    """
    loop = asyncio.get_running_loop()

    def watch() -> None:
        while os.read(0, 1024):
            pass
        if stop.is_set():
            os._exit(128 + signal.SIGTERM)
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="streamroute lifeline", daemon=True).start()
