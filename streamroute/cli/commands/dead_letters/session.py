"""Runs a command of ``dead``: loads the configuration, opens the server, and checks names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from streamroute.cli.arguments.paths import config_path
from streamroute.cli.arguments.server import open_server
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.commands.dead_letters.known_names import require_known_names
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.streams import echo, progress_bar
from streamroute.cli.process.exit_codes import ExitCode

if TYPE_CHECKING:
    from streamroute.config.document import Document
    from streamroute.ops.dead_letters.filter import DeadLetterFilter
    from streamroute.ops.dead_letters.query import DeadLetterPage, DeadLetterQuery


@dataclass(frozen=True, slots=True)
class DeadLetterSession:
    """The configuration, its dead letters, and the filter of the command line."""

    document: Document
    query: DeadLetterQuery
    criteria: DeadLetterFilter

    async def pages(self) -> AsyncIterator[DeadLetterPage]:
        """Yield the matching letters, with a progress bar on a terminal."""
        total = len(self.criteria.ids) or await self.query.count()
        with progress_bar("dead letters", total) as bar:
            async for page in self.query.find(self.criteria):
                yield page
                bar.update(page.scanned)

    def exit_code(self, count: int) -> ExitCode:
        """Return FOUND, and print why, if fewer letters matched than ids were given."""
        if self.criteria.ids and count < len(set(self.criteria.ids)):
            echo("no such dead letter, or the filters exclude it", err=True)
            return ExitCode.FOUND
        return ExitCode.OK


Work = Callable[[DeadLetterSession], Coroutine[Any, Any, int]]


def run_session(config: str | None, work: Work, *, embedded: bool, **filters: Any) -> int:
    """Run a command that reads letters; returns its exit code."""
    from streamroute.ops.dead_letters.filter import DeadLetterFilter

    return _run(config, work, DeadLetterFilter(**filters), embedded=embedded)


def run_change(config: str | None, work: Work, *, embedded: bool, everything: bool, **filters: Any) -> int:
    """Run a command that changes letters, which requires ids, a filter, or ``everything``."""
    from streamroute.ops.dead_letters.filter import DeadLetterFilter

    criteria = DeadLetterFilter(**filters)
    if criteria.matches_all and not everything:
        raise click.UsageError("select dead letters by id, by a filter such as --route, or with --all")
    return _run(config, work, criteria, embedded=embedded)


def _run(config: str | None, work: Work, criteria: DeadLetterFilter, *, embedded: bool) -> int:
    from streamroute.cli.arguments.config import load_or_exit

    set_up_logging("text", "warning")
    document = load_or_exit(config_path(config), imports=False).document
    for name in criteria.streams:
        stream_named(document.streams, name)
    return asyncio.run(_work(document, work, criteria, embedded=embedded))


async def _work(document: Document, work: Work, criteria: DeadLetterFilter, *, embedded: bool) -> int:
    from streamroute.ops.dead_letters.query import DeadLetterQuery

    async with open_server(document, embedded=embedded, create=False) as redis:
        query = DeadLetterQuery(redis, document)
        await require_known_names(query, document, criteria)
        return await work(DeadLetterSession(document, query, criteria))
