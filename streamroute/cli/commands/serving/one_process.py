"""``serve`` in one process, standalone or as a worker of a supervisor."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from functools import partial
from typing import TYPE_CHECKING

from streamroute.application.counted_app import consuming, counted_app
from streamroute.cli.commands.serving.banner import log_banner
from streamroute.cli.commands.serving.board_process import board_process
from streamroute.cli.commands.serving.drain_progress import drain_progress
from streamroute.cli.output.logging import add_to_records
from streamroute.cli.output.run_summary import print_summary
from streamroute.cli.process.deadline import StopDeadline
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.cli.process.metrics import process_metrics
from streamroute.cli.process.signals import stop_on_signals
from streamroute.cli.process.workers import watch_lifeline
from streamroute.core.log_fields import EntryFieldsFilter
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.reload.app_target import AppTarget
from streamroute.ops.reload.dropped_routes import report_waiting
from streamroute.ops.reload.hooks import ReloadHooks
from streamroute.ops.serve.gc_tuning import exclude_new_objects, rare_collections
from streamroute.ops.serve.loop_watch import LoopWatch
from streamroute.ops.serve.session import run_session
from streamroute.ops.serve.stop_time import max_stop_seconds
from streamroute.ops.served_routes import route_names
from streamroute.ops.traces.process_traces import process_traces
from streamroute.services.server_connection import open_server

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.app import App
    from streamroute.cli.arguments.config import UsableConfig
    from streamroute.cli.commands.serving.options import ServeOptions
    from streamroute.cli.commands.serving.reloading import Reloads
    from streamroute.cli.process.hangups import Hangups
    from streamroute.config.document import Document
    from streamroute.ops.reload.candidate import Candidate

log = logging.getLogger(__name__)


async def serve(loaded: UsableConfig, options: ServeOptions, reloads: Reloads | None = None) -> int:
    """Serve until a signal or the end of a bounded run; returns the exit code.

    ``reloads`` is None for a run that does not reload: one that ends by itself, or a worker.
    """
    add_to_records(EntryFieldsFilter())
    run = _ServeRun(loaded, options, reloads)
    async with AsyncExitStack() as stack:
        stack.enter_context(LoopWatch())
        app, redis = await run.start(stack)
        try:
            is_shown = options.drain and not options.is_worker
            async with run.reloading(app, redis), drain_progress(redis, loaded.document, shown=is_shown):
                await run_session(app, options.feed, drain=options.drain, stop=run.stop)
        finally:
            await app.stop()
            if options.is_bounded and not options.is_worker:
                print_summary(run.counters)
    return run.exit_code


async def _report_waiting(redis: RedisConnection, running: Candidate, candidate: Candidate) -> None:
    await report_waiting(redis, running.document, candidate.document)


class _ServeRun:
    def __init__(self, loaded: UsableConfig, options: ServeOptions, reloads: Reloads | None) -> None:
        self._loaded = loaded
        self._options = options
        self._deadline = StopDeadline(max_stop_seconds(loaded.document))
        self._has_stuck_handler = False
        self.stop = asyncio.Event()
        self.counters = Counters(route_names(loaded.document))
        self._reloads = reloads

    async def start(self, stack: AsyncExitStack) -> tuple[App, RedisConnection]:
        """Open the server and the app, and start consuming; the stack closes everything."""
        document, options = self._loaded.document, self._options
        stack.enter_context(
            stop_on_signals(
                self.stop.set,
                hangups=self._hangups,
                on_first=self._deadline.begin,
                second_exits=not options.is_worker,
            )
        )
        redis = await stack.enter_async_context(
            open_server(document, embedded=options.embedded, adopt=options.adopt)
        )
        app = await stack.enter_async_context(
            counted_app(
                *(redis, document, self._loaded.compiled, self.counters),
                on_stuck=self._on_stuck,
                tracing=await stack.enter_async_context(process_traces(options.traces)),
            )
        )
        if options.feed is not None:
            stream = options.feed.stream
            self.counters.begin_feed(stream, await app.publisher(stream).last_id())
        stack.enter_context(rare_collections())
        report_started = await stack.enter_async_context(
            process_metrics(
                *(options.metrics, options.report, redis, app, self.counters),
                None if self._reloads is None else self._reloads.status,
            )
        )
        stack.callback(self.counters.recorded.end_period)  # the last report has all runs
        await stack.enter_async_context(board_process(options.board, options.metrics.internal, self._reloads))
        await stack.enter_async_context(consuming(app, redis, self.counters))
        report_started()
        if options.is_worker:
            watch_lifeline(self.stop, self._deadline.begin)
        else:
            log_banner(document, redis)
        return app, redis

    @property
    def _hangups(self) -> Hangups | None:
        source = self._options.channel or self._reloads
        return None if source is None else source.hangups

    def reloading(self, app: App, redis: RedisConnection) -> AbstractAsyncContextManager[object]:
        """Reload on request inside the block, if this run does."""
        if self._options.channel is not None:
            return self._options.channel.following(app, self._use)
        if self._reloads is None:
            return nullcontext()
        hooks = ReloadHooks(before_swap=partial(_report_waiting, redis), applied=self._on_applied)
        return self._reloads.serving(AppTarget(app), hooks)

    def _on_applied(self, candidate: Candidate) -> None:
        self._use(candidate.document)

    def _use(self, document: Document) -> None:
        self.counters.use_routes(route_names(document))
        # Messages of earlier generations have their grace, too.
        self._deadline.seconds = max(self._deadline.seconds, max_stop_seconds(document))
        exclude_new_objects()

    def _on_stuck(self, stream: str) -> None:
        self._has_stuck_handler = True
        log.error("a handler of %s is stuck; exiting (on_stuck: exit)", stream)
        self.stop.set()

    @property
    def exit_code(self) -> ExitCode:
        has_failures = self._options.is_bounded and self.counters.failed
        return ExitCode.FOUND if self._has_stuck_handler or has_failures else ExitCode.OK
