"""The app of one process, with what is counted of it, and what others see of it; ``serve`` runs the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from streamroute.app import App, HandlerThreads, open_app
from streamroute.compiler.runtime.thread_pool import handler_threads
from streamroute.incidents import Incidents
from streamroute.ops.status.worker.publishing import publish_snapshots
from streamroute.ops.tail.worker.sampling import sample_outcomes

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.compiler.compiled import Compiled
    from streamroute.config.document import Document
    from streamroute.core.observer import Observer
    from streamroute.core.tracing import Tracing
    from streamroute.ops.metrics.counters import Counters


def counted_app(
    redis: RedisConnection,
    document: Document,
    compiled: Compiled,
    counters: Counters,
    *,
    on_stuck: Callable[[str], None],
    tracing: Tracing | None = None,
    observer: Observer | None = None,
    threads: HandlerThreads = handler_threads,
) -> AbstractAsyncContextManager[App]:
    """Open the app of a checked configuration, which counts outcomes, incidents and times in ``counters``.

    ``observer`` is called instead of that of the counters. The rest is as for ``open_app``.
    """
    return open_app(
        redis,
        document,
        compiled,
        observer=counters.observe if observer is None else observer,
        incidents=Incidents(counters.count_event),
        on_stuck=on_stuck,
        tracing=tracing,
        recorder=counters.recorded.recorder,
        threads=threads,
    )


@asynccontextmanager
async def consuming(app: App, redis: RedisConnection, counters: Counters) -> AsyncIterator[None]:
    """Consume all streams inside the block, and drain on exit.

    ``streamroute status``, ``top``, ``tail`` and the board see this process meanwhile. Raises
    RedisUnavailableError or SetupError if a stream cannot be consumed.
    """
    await app.start()
    async with publish_snapshots(redis, app, counters), sample_outcomes(redis, app):
        try:
            yield
        finally:
            await app.stop()
