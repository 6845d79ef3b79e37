"""Runs ``tail``: loads the configuration, follows the streams, and prints what comes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from streamroute.cli.arguments.paths import config_path
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.commands.dead_letters.known_names import route_named
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.standard_streams import has_reader
from streamroute.cli.output.streams import echo
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.services.server_connection import open_server
from streamroute.system.waiting import wait_until
from streamroute.text.counted import pluralize

if TYPE_CHECKING:
    from streamroute.adapters.redis.connection import RedisConnection
    from streamroute.cli.arguments.config import UsableConfig
    from streamroute.cli.output.tail.printer import TailPrinter
    from streamroute.config.document import Document
    from streamroute.expressions.filters import Filter
    from streamroute.ops.stream_times import StreamTime
    from streamroute.ops.tail.query import TailQuery
    from streamroute.ops.tail.records import TailItem
    from streamroute.ops.tail.viewer import Viewer

_READER_CHECK: Final = 0.5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TailOptions:
    """What the command line asks for."""

    streams: tuple[str, ...]
    types: tuple[str, ...]
    where: Filter | None
    routes: tuple[str, ...]
    explains: bool
    outcomes: tuple[str, ...]
    transform: str
    last: int
    start: StreamTime | None
    limit: int | None
    no_follow: bool
    full: bool
    output_format: str


def run_tail(config: str | None, options: TailOptions, *, embedded: bool, imports: bool) -> int:
    """Show messages until the limit, the end (``no_follow``), Ctrl-C, or the reader closes stdout."""
    from streamroute.cli.arguments.config import load_or_exit

    if options.no_follow and not options.last and options.start is None:
        raise click.UsageError("--no-follow shows earlier messages only: add --last N or --from TIME")
    if options.last and options.start is not None:
        raise click.UsageError("--last and --from exclude each other")
    if options.outcomes and (options.last or options.start is not None or options.explains):
        raise click.UsageError(
            "--outcome shows what ends from now on: it excludes --last, --from and --explain"
        )
    set_up_logging("text", "warning")
    loaded = load_or_exit(config_path(config), imports=imports)
    _require_names(loaded.document, options)
    try:
        asyncio.run(_tail(loaded, options, embedded=embedded))
    except KeyboardInterrupt:
        echo("", err=True)
    return ExitCode.OK


def _require_names(document: Document, options: TailOptions) -> None:
    for name in options.streams:
        stream_named(document.streams, name)
    if not document.streams:
        raise click.UsageError("the configuration has no streams")
    for name in options.routes:
        route_named(document, name)


async def _tail(loaded: UsableConfig, options: TailOptions, *, embedded: bool) -> None:
    from streamroute.cli.output.tail.printer import TailPrinter
    from streamroute.ops.tail.outcomes import tail_outcomes
    from streamroute.ops.tail.tail import tail
    from streamroute.ops.tail.viewer import Viewer

    async with open_server(loaded.document, embedded=embedded, create=False) as redis:
        query = await _query(redis, loaded.document, options)
        viewer = Viewer(loaded.compiled, query)
        printer = TailPrinter(options.output_format, full=options.full)
        echo(_opening(query), err=True)
        try:
            items = (
                tail_outcomes(redis, loaded.document, query, viewer)
                if query.outcomes
                else tail(redis, query, viewer)
            )
            await _while_read(_show(items, printer, options.limit))
        finally:
            _report_failures(viewer)


async def _while_read(showing: Coroutine[Any, Any, None]) -> None:
    """Run until it ends or stdout has no reader any more, which a tail without messages would not notice."""
    jobs = [asyncio.create_task(showing), asyncio.create_task(_no_reader())]
    try:
        await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.wait(jobs)
    if not jobs[0].cancelled():
        jobs[0].result()


async def _no_reader() -> None:
    await wait_until(lambda: not has_reader(sys.stdout), longest_pause=_READER_CHECK)


async def _show(items: AsyncGenerator[TailItem, None], printer: TailPrinter, limit: int | None) -> None:
    """Print items until the limit is reached or the reader has closed stdout."""
    async with aclosing(items):
        async for item in items:
            if not printer.write(item) or printer.shown == limit:
                return


async def _query(redis: RedisConnection, document: Document, options: TailOptions) -> TailQuery:
    from streamroute.ops.tail.outcome_names import results_of
    from streamroute.ops.tail.query import TailQuery
    from streamroute.ops.tail.start import start_after

    return TailQuery(
        streams=options.streams or tuple(document.streams),
        types=frozenset(options.types),
        where=options.where,
        routes=frozenset(route_named(document, name) for name in options.routes),
        explains=options.explains,
        transforms=options.transform == "after",
        start="" if options.start is None else await start_after(redis, options.start.entry_id),
        last=options.last,
        follows=not options.no_follow,
        outcomes=results_of(options.outcomes),
    )


def _opening(query: TailQuery) -> str:
    """Return the line that says what is shown."""
    count = len(query.streams)
    streams = ", ".join(query.streams) if count <= 5 else pluralize(count, "stream")
    if query.outcomes:
        return f"watching outcomes of {streams}, which the workers sample from now on; Ctrl-C ends"
    return f"watching {streams}; Ctrl-C ends" if query.follows else f"reading {streams}"


def _report_failures(viewer: Viewer) -> None:
    failures = viewer.failures
    if failures.count:
        echo(f"--where failed on {pluralize(failures.count, 'message')}, which are not shown", err=True)
