"""Open a configuration in the user's own process."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from streamroute.application.application import Application
from streamroute.application.counted_app import counted_app
from streamroute.application.loading import ApplicationLoader, root_file
from streamroute.application.observing import observed_by
from streamroute.application.reloads import ApplicationReloads
from streamroute.application.stuck_handlers import StuckHandlers
from streamroute.compiler.runtime.thread_pool import guest_handler_threads
from streamroute.errors import SetupError
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.serve.findings_log import log_findings
from streamroute.ops.served_routes import route_names
from streamroute.ops.traces.process_traces import process_traces
from streamroute.publishing.connecting import connected
from streamroute.text.limits import NAME
from streamroute.text.safe_text import safe_repr

if TYPE_CHECKING:
    from streamroute.adapters.stream.publishers import RedisClient
    from streamroute.core.observer import Observer


@asynccontextmanager
async def open(  # noqa: A001, PLR0913 - read as streamroute.open; a keyword for each choice
    path: str | Path = "routes.yaml",
    *,
    container: Any = None,
    client: RedisClient | None = None,
    url: str | None = None,
    allow_outside: bool = False,
    reload: bool = False,
    observer: Observer | None = None,
    embedded: bool = True,
    traces: Literal["link", "child"] | None = None,
) -> AsyncIterator[Application]:
    """Open a configuration in this process, checked and connected; it consumes when it is started.

    ``path`` is a root file, or a folder with a ``routes.yaml``. The folder becomes importable, and the
    handlers are imported, in this thread. On exit the application is stopped (see ``Application.stop``), and
    everything is closed that was opened here.

    ``container``
        is passed to handlers instead of the one that the file names; it is not closed.
    ``client``, ``url``
        the Redis client or the address to use instead of the file's, whose variables may be unset then. A
        client is not closed; it must not decode responses, and belong to this event loop.
    ``allow_outside``
        allow files outside the folder of the configuration.
    ``reload``
        reload whenever a file of the configuration changes, and when ``streamroute reload`` asks.
    ``observer``
        is called in the event loop with the payload, the route or None, and the result of each outcome.
        The result is a string: ``succeeded``, ``retried``, ``dead``, ``filtered`` ...
    ``embedded``
        whether the embedded server may be used.
    ``traces``
        give messages and handlers OpenTelemetry spans, linked to the producer's span, or as its children:
        those of the provider that the program has set, else of one by the variables ``OTEL_*``.

    Signals, logging, garbage collection and the event loop's settings are left alone. Raises ConfigError,
    with all ``findings``, for a configuration with errors; SetupError if no route is enabled, or the
    container or server cannot be used; RedisUnavailableError if the server does not answer.

    >>> async with streamroute.open("routes.yaml", container={"mail": mail}) as app:  # doctest: +SKIP
    ...     await app.run(signals=True)
    """
    if inspect.isawaitable(container):
        raise SetupError("the container is awaitable: await it before, and pass the result")
    needs_server = client is None and url is None
    loader = ApplicationLoader(root_file(path), allow_outside, container, needs_server)
    candidate, loaded = loader.at_start()
    log_findings(candidate.findings)
    document = candidate.document
    counters = Counters(route_names(document))
    stuck = StuckHandlers()
    reloads = ApplicationReloads(loader, candidate, loaded.watched, reload)
    async with (
        connected(document, client=client, url=url, embedded=embedded) as redis,
        process_traces(_trace_mode(traces)) as tracing,
        counted_app(
            *(redis, document, candidate.compiled, counters),
            on_stuck=stuck.add,
            tracing=tracing,
            observer=observed_by(counters.observe, observer),
            threads=guest_handler_threads,
        ) as app,
        Application(app, redis, counters, reloads, stuck) as application,
    ):
        del candidate, loaded, document, reloads  # the application keeps those of the current generation
        yield application


def _trace_mode(traces: str | None) -> str:
    """Return the mode; without one there are no spans, whatever the environment says."""
    if traces not in (None, "link", "child"):
        raise SetupError(f'traces is "link", "child" or None, and not {safe_repr(traces, NAME)}')
    return traces or "off"
