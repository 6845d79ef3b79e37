"""The generations of ``serve --workers``: the supervisor reloads all workers together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from streamroute.cli.commands.serving.options import route_names
from streamroute.cli.process.deadline import max_stop_seconds
from streamroute.cli.process.hangups import Hangups
from streamroute.cli.process.workers import CHANNEL_OPTION
from streamroute.incidents import Incidents
from streamroute.ops.reload.dropped_routes import report_waiting
from streamroute.ops.reload.hooks import ReloadHooks
from streamroute.ops.serve.background import in_background
from streamroute.ops.workers.generations.target import WorkersTarget

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.cli.commands.serving.reloading import Reloads
    from streamroute.ops.metrics.counters import Counters
    from streamroute.ops.reload.candidate import Candidate
    from streamroute.ops.reload.reloader import Reloader
    from streamroute.ops.workers.supervisor import Supervisor


class StartGeneration:
    """The workers of a supervisor run one generation to the end, whatever becomes of its files."""

    def __init__(self, start: Candidate) -> None:
        self.hangups = Hangups()
        self._start = start

    @asynccontextmanager
    async def serving(self, supervisor: Supervisor) -> AsyncIterator[None]:
        """Start workers with the generation inside the block, which runs the supervisor."""
        _connect(supervisor, WorkersTarget(self._start, supervisor.replace))
        yield


class SupervisedGenerations:
    """Reloads the workers of a supervisor, which run ``document``; ``counters`` are those of all workers."""

    def __init__(self, reloads: Reloads, redis: RedisConnection, counters: Counters) -> None:
        self.hangups, self.status = reloads.hangups, reloads.status
        self.document = reloads.start.document
        self._reloads = reloads
        self._redis = redis
        self._counters = counters

    @asynccontextmanager
    async def serving(self, supervisor: Supervisor) -> AsyncIterator[None]:
        """Reload the workers on request inside the block, which runs the supervisor."""
        incidents = Incidents(self._counters.count_event)
        target = WorkersTarget(self._reloads.start, supervisor.replace, incidents)
        _connect(supervisor, target)
        hooks = ReloadHooks(before_swap=self._report_waiting, applied=partial(self._on_applied, supervisor))
        async with (
            self._reloads.serving(target, hooks, imports=False) as reloader,
            in_background(_close_with(supervisor, reloader)),
        ):
            yield

    async def _report_waiting(self, running: Candidate, candidate: Candidate) -> None:
        await report_waiting(self._redis, running.document, candidate.document)

    def _on_applied(self, supervisor: Supervisor, candidate: Candidate) -> None:
        self.document = candidate.document
        self._counters.use_routes(route_names(candidate.document))
        supervisor.stop_timeout = max(supervisor.stop_timeout, max_stop_seconds(candidate.document))


async def _close_with(supervisor: Supervisor, reloader: Reloader) -> None:
    """Refuse reloads while the workers drain."""
    await supervisor.stopping()
    await reloader.close()


def _connect(supervisor: Supervisor, target: WorkersTarget) -> None:
    """Start workers with the generation of the target, which replaces it."""
    supervisor.channel, supervisor.channel_option = target.channel, CHANNEL_OPTION
