"""``serve --workers N``: the command line of a worker, the supervisor, and the lifeline between them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from streamroute.cli.process.exit_codes import ExitCode
from streamroute.incidents import Incidents

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.cli.process.hangups import Hangups
    from streamroute.config.document import Document
    from streamroute.ops.workers.reports import WorkerReports
    from streamroute.ops.workers.supervisor import Supervisor

log = logging.getLogger(__name__)

REPORT_OPTION = "--worker-report"
"""A hidden option of ``serve``: the file descriptor for reports. It makes the process a worker."""


CHANNEL_OPTION = "--worker-channel"
"""A hidden option of ``serve``: the file descriptor of a worker's socket for generations."""


def open_descriptor_option(
    _context: click.Context, _parameter: click.Parameter, value: int | None
) -> int | None:
    """Return the option's value; raises click.BadParameter unless it is an open file descriptor."""
    if value is not None:
        try:
            os.fstat(value)
        except (OSError, OverflowError):
            raise click.BadParameter(f"{value} is not an open file descriptor") from None
    return value


def worker_command(config: Path, options: Sequence[str], *, bytecode: bool = True) -> list[str]:
    """Return a worker's command line; the caller appends the file descriptor for its reports.

    Without ``bytecode``, the worker leaves no compiled modules: Python would use them for a source of the
    same size that was written within the same second.
    """
    # -P keeps the working folder off the import path, as for the command itself.
    flags = ["-P"] if bytecode else ["-P", "-B"]
    return [sys.executable, *flags, "-m", "streamroute", "serve", str(config), *options, REPORT_OPTION]


async def supervise(
    command: Sequence[str],
    count: int,
    reports: WorkerReports,
    redis: RedisConnection,
    *,
    drain: bool,
    generations: WorkerGenerations,
) -> int:
    """Run workers until a signal, or until all are done; their counts go to ``reports``.

    A second signal kills the workers that still run, as does the end of the time that they have. They start
    with the generation of ``generations``.
    """
    from streamroute.cli.process.signals import stop_on_signals
    from streamroute.ops.serve.retry_until_available import retry_until_available
    from streamroute.ops.workers.last_entries import LastEntries
    from streamroute.ops.workers.supervisor import Supervisor

    polling, last_entries = asyncio.Lock(), LastEntries(redis, lambda: generations.document)

    async def wait_until_reachable() -> None:
        async with polling:  # one poll and one log line for all waiting workers
            await retry_until_available(redis.ping, "reaching Redis")

    def build(stop_timeout: float) -> Supervisor:
        return Supervisor(
            command,
            count,
            reports,
            drain=drain,
            stop_timeout=stop_timeout,
            unreachable_code=ExitCode.NO_REDIS,
            wait_until_reachable=wait_until_reachable,
            incidents=Incidents(reports.ended.count_event),
            on_death=last_entries.tell,
        )

    workers, reloading = generations.supervised(build)
    with stop_on_signals(workers.stop, hangups=generations.hangups, on_second=workers.kill):
        async with reloading:
            return await workers.run()


class SupervisedWorkers(Protocol):
    """Worker processes that are started and ended together; see ``Supervisor``."""

    async def run(self) -> int:
        """Run until ``stop()``; returns the exit code."""
        ...

    def stop(self) -> None:
        """Make every worker drain and exit."""
        ...

    async def stopping(self) -> None:
        """Wait until ``stop()`` is called."""
        ...

    def kill(self) -> None:
        """Kill all workers at once; can be called from a signal handler."""
        ...


class WorkerGenerations(Protocol):
    """Keeps worker processes on one generation, which may be replaced."""

    hangups: Hangups

    @property
    def document(self) -> Document:
        """The configuration that the workers run."""
        ...

    def supervised(
        self, build: Callable[[float], Supervisor]
    ) -> tuple[SupervisedWorkers, AbstractAsyncContextManager[None]]:
        """Return the workers, and the context in which they run and are reloaded.

        ``build`` returns a supervisor of workers that have this many seconds to end.
        """
        ...


def watch_lifeline(stop: asyncio.Event, on_stop: Callable[[], None]) -> None:
    """Set ``stop`` and call ``on_stop`` when the supervisor has ended, which closes standard input.

    If that happens during the drain, the supervisor exited immediately: so does this process, and unfinished
    entries stay pending.
    """
    loop = asyncio.get_running_loop()

    def watch() -> None:
        while os.read(0, 1024):
            pass
        if stop.is_set():
            os._exit(128 + signal.SIGTERM)
        log.warning("the supervisor exited; draining")
        on_stop()
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, name="streamroute lifeline", daemon=True).start()
