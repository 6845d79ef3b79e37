"""``streamroute serve``."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from streamroute.cli.arguments.event_files import name_of, open_events
from streamroute.cli.arguments.paths import ALLOW_OUTSIDE, PATH, config_path, outside_allowed
from streamroute.cli.arguments.server import open_server
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.standard_streams import tolerate_closed_stdout
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.cli.process.metrics import endpoint_option, process_metrics, worker_metrics
from streamroute.cli.process.workers import (
    REPORT_OPTION,
    open_descriptor_option,
    supervise,
    watch_lifeline,
    worker_command,
)
from streamroute.errors import SetupError
from streamroute.incidents import Incidents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.cli.arguments.config import LoadedConfig
    from streamroute.config.document import Document
    from streamroute.ops.metrics.server import Endpoint
    from streamroute.ops.serve.session import Feed

log = logging.getLogger(__name__)

_NAMED: Final = 20  # routes of a stream that are named at the start


@dataclass(frozen=True, slots=True)
class _Orders:
    """What the command line asks for."""

    feed: Feed | None
    drain: bool
    embedded: bool
    adopt: bool
    metrics: Endpoint | None = None
    report: int | None = None

    @property
    def ends_with_table(self) -> bool:
        """Whether this is a run with an end, of which one wants to know what came of it."""
        return self.drain or self.feed is not None


@click.command(name="serve")
@click.argument("config", required=False, type=PATH)
@click.option(
    "--feed",
    metavar="FILE",
    type=PATH,
    help="Publish these JSON lines first (- is stdin).",
)
@click.option("--feed-stream", metavar="STREAM", help="Where --feed goes, if there are several streams.")
@click.option("--drain", is_flag=True, help="Exit when everything up to now, the feed included, is done.")
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(1, 1024),
    help="Run N processes under a supervisor, each with the streams' concurrency; one that dies is started "
    "again. Without it, this process serves.",
)
@click.option(
    "--metrics",
    metavar="HOST:PORT",
    callback=endpoint_option,
    help="Serve Prometheus metrics and /healthz there; a port alone is one of 127.0.0.1.",
)
@click.option(
    REPORT_OPTION,
    "report",
    hidden=True,
    metavar="DESCRIPTOR",
    type=int,
    callback=open_descriptor_option,
    help="Run as a worker that reports to its supervisor through this file descriptor.",
)
@ALLOW_OUTSIDE
@click.option("--no-embedded", is_flag=True, help="Refuse to run on the embedded server.")
@click.option(
    "--adopt-data",
    is_flag=True,
    help="Trust data in the embedded server's folder that this user's streamroute did not write there.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for people, or JSON lines for machines, on stderr.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="From where up log records are heard.",
)
def command(
    config: str | None,
    feed: str | None,
    feed_stream: str | None,
    drain: bool,
    workers: int | None,
    metrics: Endpoint | None,
    report: int | None,
    **others: Any,
) -> int:
    """Route events as CONFIG says, until SIGINT or SIGTERM, or until its terminal closes.

    What runs is then finished, within the streams' grace; a second signal stops at once. CONFIG is
    checked first, as `streamroute check` does, and an error in it ends the command with 1.

    --workers N uses N cores: N processes, drained by one signal, counted in one table, and started again
    when they die.

    With --feed or --drain, a table says at the end what became of the messages; one that failed for good
    makes the exit code 1.

    \b
    Examples:
      streamroute serve
      streamroute serve shop/routes.yaml --log-format json
      streamroute serve --workers 4
      streamroute serve --feed events.jsonl --drain
    """
    import streamroute.app  # noqa: F401 - what it needs is looked for before the user's folder is importable
    from streamroute.cli.arguments.config import load_or_exit
    from streamroute.cli.process.event_loop import run_until_exit
    from streamroute.ops.serve.session import Feed

    logs: dict[str, str] = {name: others[name] for name in ("log_format", "log_level")}
    embedded, adopt = not others["no_embedded"], others["adopt_data"]
    set_up_logging(logs["log_format"], logs["log_level"])
    tolerate_closed_stdout()
    if feed_stream is not None and feed is None:
        raise click.UsageError("--feed-stream goes with --feed")
    if feed is not None and workers is not None:
        raise click.UsageError("--feed goes without --workers: publish first, then serve with --workers")
    path = config_path(config)
    with ExitStack() as stack:
        events = None if feed is None else open_events(feed, stack)
        loaded = load_or_exit(path)
        served = _served(loaded.document)
        if workers is not None:
            options = [f"--{name.replace('_', '-')}={value}" for name, value in logs.items()]
            options += ["--drain"] * drain + ["--allow-outside"] * outside_allowed()
            orders = _Orders(None, drain, embedded, adopt, metrics)
            return run_until_exit(_supervise(loaded, orders, worker_command(path, options), workers))
        fed = None
        if feed is not None and events is not None:
            fed = Feed(events, name_of(feed), _feed_target(loaded.document, served, feed_stream))
        orders = _Orders(fed, drain, embedded, adopt, metrics, report)
        return run_until_exit(_serve(loaded, orders))


def _served(document: Document) -> list[str]:
    """The streams that have routes; raises SetupError where none has."""
    served = [stream for stream in document.streams if document.served(stream)]
    if not served:
        raise SetupError(f"{document.path} has no route that is enabled: there is nothing to serve")
    return served


def _feed_target(document: Document, served: list[str], stream: str | None) -> str:
    """The stream that the feed goes to; raises click.UsageError where that is not clear."""
    if stream is None:
        if len(served) > 1:
            raise click.UsageError(f"say where --feed goes: --feed-stream, one of {', '.join(served)}")
        return served[0]
    stream_named(document.streams, stream)
    if stream not in served:
        raise click.UsageError(f'the stream "{stream}" has no routes: nobody here would read the feed')
    return stream


def _route_names(document: Document) -> dict[str, tuple[str, ...]]:
    return {stream: tuple(route.name for route in document.served(stream)) for stream in document.streams}


async def _serve(loaded: LoadedConfig, orders: _Orders) -> int:
    from streamroute.app import open_app
    from streamroute.cli.output.run_summary import print_summary
    from streamroute.cli.process.deadline import StopDeadline, max_stop_seconds
    from streamroute.cli.process.signals import stop_on_signals
    from streamroute.ops.metrics.counters import Counters
    from streamroute.ops.serve.gc_tuning import rare_collections
    from streamroute.ops.serve.session import run_session

    document, feed, stop = loaded.document, orders.feed, asyncio.Event()
    counters, deadline = Counters(_route_names(document)), StopDeadline(max_stop_seconds(document))
    async with AsyncExitStack() as stack:
        signals = stop_on_signals(stop.set, begun=deadline.begin, leaves=orders.report is None)
        stack.enter_context(signals)
        redis = await stack.enter_async_context(
            open_server(document, embedded=orders.embedded, adopt=orders.adopt)
        )
        stuck: list[str] = []

        def end_where_stuck(stream: str) -> None:
            stuck.append(stream)
            log.error("a handler of %s does not end, and on_stuck says exit: this process ends", stream)
            stop.set()

        opened = open_app(
            redis,
            document,
            loaded.compiled,
            observer=counters.observe,
            incidents=Incidents(counters.count_event),
            on_stuck=end_where_stuck,
        )
        app = await stack.enter_async_context(opened)
        if feed is not None:
            counters.feed_start_ids[feed.stream] = await app.publisher(feed.stream).last_id()
        stack.enter_context(rare_collections())
        told = process_metrics(orders.metrics, orders.report, redis, app, counters)
        has_started = await stack.enter_async_context(told)
        await app.start()
        has_started()
        if orders.report is None:
            _introduce(document, redis)
        else:
            watch_lifeline(stop, deadline.begin)
        try:
            await run_session(app, feed, drain=orders.drain, stop=stop)
        finally:
            await app.stop()
            if orders.ends_with_table and orders.report is None:
                print_summary(counters)
    return ExitCode.FOUND if stuck or (orders.ends_with_table and counters.failed) else ExitCode.OK


async def _supervise(loaded: LoadedConfig, orders: _Orders, command: Sequence[str], workers: int) -> int:
    """Run workers that do what ``_serve`` does; an embedded server runs here, for all of them."""
    from streamroute.cli.output.run_summary import print_summary
    from streamroute.cli.process.deadline import max_stop_seconds
    from streamroute.ops.metrics.counters import Counters
    from streamroute.ops.workers.reports import WorkerReports

    document = loaded.document
    counters = Counters(_route_names(document))
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(
            open_server(document, embedded=orders.embedded, adopt=orders.adopt)
        )
        reports = WorkerReports(counters)
        await stack.enter_async_context(worker_metrics(orders.metrics, redis, document, reports))
        _introduce(document, redis)
        try:
            patience = max_stop_seconds(document)
            code = await supervise(command, workers, reports, redis, ends=orders.drain, patience=patience)
        finally:
            if orders.ends_with_table:
                print_summary(counters)
    return code or (ExitCode.FOUND if orders.ends_with_table and counters.failed else ExitCode.OK)


def _introduce(document: Document, redis: RedisConnection) -> None:
    """Say what is served, and from where."""
    log.info("serving %s from %s", document.path, redis.address)
    if redis.address.is_embedded:
        folder = redis.address if redis.address.written else redis.address.data_folder
        log.warning("this is an embedded server, for development; its data is in %s", folder)
    for stream in document.streams.values():
        names = [route.name for route in document.served(stream.name)]
        log.info("stream %s, group %s: %s", stream.name, stream.display("group"), _routes(names))


def _routes(names: list[str]) -> str:
    from streamroute.text.counted import pluralize

    if not names:
        return "no routes, not consumed"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{pluralize(len(names), 'route')}: {', '.join(names[:_NAMED])}{more}"
