"""``serve --workers``: worker processes, each running ``one_process``, under a supervisor."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from streamroute.cli.commands.serving.banner import log_banner
from streamroute.cli.commands.serving.board_process import board_process
from streamroute.cli.commands.serving.drain_progress import drain_progress
from streamroute.cli.commands.serving.worker_generations import StartGeneration, SupervisedGenerations
from streamroute.cli.output.run_summary import print_summary
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.cli.process.metrics import worker_metrics
from streamroute.cli.process.workers import supervise
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.served_routes import route_names
from streamroute.ops.workers.reports import WorkerReports
from streamroute.services.server_connection import open_server

if TYPE_CHECKING:
    from streamroute.cli.commands.serving.options import ServeOptions
    from streamroute.cli.commands.serving.reloading import Reloads
    from streamroute.cli.commands.serving.start import StartConfig


async def serve_with_workers(
    start: StartConfig,
    options: ServeOptions,
    command: Sequence[str],
    workers: int,
    reloads: Reloads | None,
) -> int:
    """Run the workers, and an embedded server for all of them; returns the exit code.

    ``reloads`` is None for a run that does not reload, because it ends by itself.
    """
    document = start.usable.document
    counters = Counters(route_names(document))
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(
            open_server(document, embedded=options.embedded, adopt=options.adopt)
        )
        reports = WorkerReports(counters)
        generations = None if reloads is None else SupervisedGenerations(reloads, redis, counters)
        await stack.enter_async_context(
            worker_metrics(
                *(options.metrics, redis, lambda: generations.document if generations else document, reports),
                None if generations is None else generations.status,
            )
        )
        await stack.enter_async_context(board_process(options.board, options.metrics.internal, reloads))
        log_banner(document, redis)
        try:
            async with drain_progress(redis, document, shown=options.drain):
                code = await supervise(
                    *(command, workers, reports, redis),
                    drain=options.drain,
                    generations=generations or StartGeneration(start.candidate),
                )
        finally:
            if options.is_bounded:
                print_summary(counters)
    return code or (ExitCode.FOUND if options.is_bounded and counters.failed else ExitCode.OK)
