"""``serve --workers N``: the command line of a worker, its lifeline, and the tables of all as one."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamroute.cli.process.exit_codes import ExitCode
from streamroute.incidents import Incidents

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.ops.workers.reports import WorkerReports

log = logging.getLogger(__name__)

REPORT_OPTION = "--worker-report"
"""A hidden option of ``serve``: the file descriptor for reports. It makes the process a worker."""


def open_descriptor_option(
    _context: click.Context, _parameter: click.Parameter, value: int | None
) -> int | None:
    """The option's value; raises click.BadParameter unless it is an open file descriptor."""
    if value is not None:
        try:
            os.fstat(value)
        except (OSError, OverflowError):
            raise click.BadParameter(f"{value} is not an open file descriptor") from None
    return value


def worker_command(config: Path, options: Sequence[str]) -> list[str]:
    """A worker's command line, to which the file descriptor for its reports is appended."""
    # -P: the folder where the command was given is no place to import from, as it is none for the command.
    return [sys.executable, "-P", "-m", "streamroute", "serve", str(config), *options, REPORT_OPTION]


async def supervise(
    command: Sequence[str],
    count: int,
    reports: WorkerReports,
    redis: RedisConnection,
    *,
    ends: bool,
    patience: float,
) -> int:
    """Run workers until a signal, or until all are done; ``reports`` gets their counts.

    What has not ended ``patience`` seconds after the signal is killed, and all at a second signal.
    """
    from streamroute.cli.process.signals import stop_on_signals
    from streamroute.ops.serve.retry_until_available import until_it_works
    from streamroute.ops.workers.supervisor import Supervisor

    asking = asyncio.Lock()

    async def reachable() -> None:
        async with asking:  # one poll and one log line for all workers that wait
            await until_it_works(redis.ping, "reaching Redis")

    supervisor = Supervisor(
        command,
        count,
        reports,
        ends=ends,
        patience=patience,
        unreachable=ExitCode.NO_REDIS,
        reachable=reachable,
        incidents=Incidents(reports.ended.count_event),
    )
    with stop_on_signals(supervisor.stop, leaving=supervisor.kill):
        return await supervisor.run()


def watch_lifeline(stop: asyncio.Event, begun: Callable[[], None]) -> None:
    """Set ``stop`` and call ``begun`` when the supervisor is gone, which ends standard input.

    If that happens during the drain, the supervisor was told to stop at once: so does this process, and
    what is unfinished stays pending.
    """
    loop = asyncio.get_running_loop()

    def watch() -> None:
        while os.read(0, 1024):
            pass
        if stop.is_set():
            os._exit(128 + signal.SIGTERM)
        log.warning("the supervisor is gone; finishing what runs")
        begun()
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="streamroute lifeline", daemon=True).start()
