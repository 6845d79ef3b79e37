"""The generations of ``serve --workers`` and ``serve --dev``: the supervisor reloads all workers together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from streamroute.cli.output.logging import echo_error
from streamroute.cli.output.streams import echo
from streamroute.cli.process.hangups import Hangups
from streamroute.cli.process.workers import CHANNEL_OPTION
from streamroute.incidents import Incidents
from streamroute.ops.reload.dropped_routes import report_waiting
from streamroute.ops.reload.hooks import ReloadHooks
from streamroute.ops.serve.background import in_background
from streamroute.ops.serve.stop_time import max_stop_seconds
from streamroute.ops.served_routes import route_names
from streamroute.ops.workers.code.code_target import CodeTarget
from streamroute.ops.workers.generations.target import WorkersTarget

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.cli.commands.serving.reloading import Reloads
    from streamroute.cli.process.workers import SupervisedWorkers
    from streamroute.ops.metrics.counters import Counters
    from streamroute.ops.reload.candidate import Candidate, ReloadTarget
    from streamroute.ops.reload.code.code_watch import CodeWatch
    from streamroute.ops.reload.reloader import Reloader
    from streamroute.ops.workers.code.code_workers import StartRefusedError
    from streamroute.ops.workers.supervisor import Supervisor


class StartGeneration:
    """The workers of a supervisor run one generation to the end, whatever becomes of its files."""

    def __init__(self, start: Candidate) -> None:
        self.hangups = Hangups()
        self.document = start.document
        self._start = start

    def supervised(
        self, build: Callable[[float], Supervisor]
    ) -> tuple[SupervisedWorkers, AbstractAsyncContextManager[None]]:
        """See ``WorkerGenerations``."""
        supervisor = build(max_stop_seconds(self._start.document))
        _connect(supervisor, WorkersTarget(self._start, supervisor.replace))
        return supervisor, nullcontext()


class SupervisedGenerations:
    """Reloads the workers of a supervisor, which run ``document``; ``counters`` are those of all workers."""

    def __init__(self, reloads: Reloads, redis: RedisConnection, counters: Counters) -> None:
        self.hangups, self.status = reloads.hangups, reloads.status
        self.document = reloads.start.document
        self._reloads = reloads
        self._redis = redis
        self._counters = counters

    def supervised(
        self, build: Callable[[float], Supervisor]
    ) -> tuple[SupervisedWorkers, AbstractAsyncContextManager[None]]:
        """See ``WorkerGenerations``."""
        if self._reloads.code is not None:
            return self._following_code(build, self._reloads.code)
        start = self._reloads.start
        supervisor = build(max_stop_seconds(start.document))
        target = WorkersTarget(start, supervisor.replace, Incidents(self._counters.count_event))
        _connect(supervisor, target)
        return supervisor, self._reloading(target, self._hooks(supervisor.allow_stop), supervisor)

    def _following_code(
        self, build: Callable[[float], Supervisor], code: CodeWatch
    ) -> tuple[SupervisedWorkers, AbstractAsyncContextManager[None]]:
        """Return workers that are replaced when their code changes."""

        def build_for(candidate: Candidate) -> Supervisor:
            supervisor = build(max_stop_seconds(candidate.document))
            supervisor.channel_option = CHANNEL_OPTION
            return supervisor

        target = CodeTarget(self._reloads.start, build_for, code, Incidents(self._counters.count_event))
        return target, self._serving_code(target)

    @asynccontextmanager
    async def _reloading(
        self, target: ReloadTarget, hooks: ReloadHooks, workers: SupervisedWorkers
    ) -> AsyncIterator[None]:
        """Reload the workers on request inside the block, until they stop."""
        async with (
            self._reloads.serving(target, hooks, imports=False) as reloader,
            in_background(_close_with(workers, reloader)),
        ):
            yield

    @asynccontextmanager
    async def _serving_code(self, target: CodeTarget) -> AsyncIterator[None]:
        hooks = replace(
            self._hooks(target.allow_stop), files_changed=target.abandon, describe_code=target.describe
        )
        async with self._reloading(target, hooks, target):
            yield
        if target.start_refusal is not None:
            self._print_refusal(target.start_refusal)

    def _print_refusal(self, refusal: StartRefusedError) -> None:
        echo(refusal.answer.text, nl=False)
        reason = refusal.answer.refusal or refusal
        echo_error(f"{self.document.path} cannot be used: {reason}")

    def _hooks(self, allow_stop: Callable[[float], None]) -> ReloadHooks:
        def on_applied(candidate: Candidate) -> None:
            self.document = candidate.document
            self._counters.use_routes(route_names(candidate.document))
            allow_stop(max_stop_seconds(candidate.document))

        return ReloadHooks(before_swap=self._report_waiting, applied=on_applied)

    async def _report_waiting(self, running: Candidate, candidate: Candidate) -> None:
        await report_waiting(self._redis, running.document, candidate.document)


async def _close_with(workers: SupervisedWorkers, reloader: Reloader) -> None:
    """Refuse reloads while the workers drain."""
    await workers.stopping()
    await reloader.close()


def _connect(supervisor: Supervisor, target: WorkersTarget) -> None:
    """Start workers with the generation of the target, which replaces it."""
    supervisor.channel, supervisor.channel_option = target.channel, CHANNEL_OPTION
