"""Runs a command of ``status retries``: selects the retries, asks, and writes the audit log."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from streamroute.cli.arguments.paths import config_path
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.streams import confirm, echo
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.services.server_connection import open_server
from streamroute.text.counted import pluralize
from streamroute.text.suggestions import suggestion_hint

if TYPE_CHECKING:
    from streamroute.config.document import Document, StreamConfig
    from streamroute.ops.audit import Action, Audit
    from streamroute.ops.retries.query import RetryQuery, RetrySelection, StreamRetries


@dataclass(frozen=True, slots=True)
class RetrySession:
    """The retries that a command changes, and who runs it."""

    found: Sequence[StreamRetries]
    who: str
    output_format: str
    selection: RetrySelection
    audit: Audit

    def action(self, name: str, reason: str = "") -> AbstractAsyncContextManager[Action]:
        """Write an action to the audit logs of the groups that it concerns."""
        groups = [found.retries.keys for found in self.found]
        target = ", ".join([*self.selection.ids, *self.selection.routes]) or "all"
        return self.audit.action(groups, name, target, reason=reason)


Work = Callable[[RetrySession], Coroutine[Any, Any, int]]


def run_listing(
    limit: int,
    *,
    streams: Sequence[str],
    routes: Sequence[str],
    config: str | None,
    no_embedded: bool,
    output_format: str,
) -> int:
    """List retries; returns the exit code."""
    from streamroute.cli.output.status.retries import print_listing
    from streamroute.ops.retries.query import RetryQuery, RetrySelection
    from streamroute.payload_redaction import PayloadRedactor

    document, chosen = _load(config, streams)

    async def read() -> int:
        async with open_server(document, embedded=not no_embedded, create=False) as redis:
            query = RetryQuery(redis, chosen, PayloadRedactor(document.redact))
            await _require_known(query, document, routes)
            listing = await query.listing(RetrySelection(routes=_all_names(document, routes)), limit)
        print_listing(listing, output_format)
        return ExitCode.OK

    return asyncio.run(read())


def run_change(  # noqa: PLR0913 - the options of the commands
    verb: str,
    done: str,
    work: Work,
    *,
    ids: Sequence[str],
    streams: Sequence[str],
    routes: Sequence[str],
    everything: bool,
    dry_run: bool,
    yes: bool,
    who: str | None,
    config: str | None,
    no_embedded: bool,
    output_format: str,
) -> int:
    """Change retries, which requires ids, a filter, or ``everything``; returns the exit code."""
    from streamroute.cli.output.status.retries import print_done
    from streamroute.ops.audit import Audit, actor
    from streamroute.ops.retries.query import RetryQuery, RetrySelection

    if not (ids or streams or routes or everything):
        raise click.UsageError("select retries by id, by --route or --stream, or with --all")
    document, chosen = _load(config, streams)

    async def change() -> int:
        async with open_server(document, embedded=not no_embedded, create=False) as redis:
            query = RetryQuery(redis, chosen)
            await _require_known(query, document, routes)
            selection = RetrySelection(ids=ids, routes=_all_names(document, routes))
            found = await query.select(selection)
            number = sum(len(each.selected) for each in found)
            code = _missing(ids, found)
            if dry_run or not number:
                print_done(done, number, output_format, dry_run=dry_run)
                return code
            if not (yes or ids):
                _ask(verb, number)
            name = actor(who)
            session = RetrySession(found, name, output_format, selection, Audit(redis, name))
            return await work(session) or code

    return asyncio.run(change())


def _load(config: str | None, streams: Sequence[str]) -> tuple[Document, list[StreamConfig]]:
    from streamroute.cli.arguments.config import document_or_exit

    set_up_logging("text", "warning")
    document = document_or_exit(config_path(config))
    names = dict.fromkeys(streams) or document.streams
    return document, [stream_named(document.streams, name) for name in names]


def _all_names(document: Document, routes: Sequence[str]) -> list[str]:
    """Return the names of routes, with their former names, under which retries may wait."""
    former = {route.name: route.formerly for route in document.routes}
    return [name for route in dict.fromkeys(routes) for name in (route, *former.get(route, ()))]


async def _require_known(query: RetryQuery, document: Document, routes: Collection[str]) -> None:
    """Raise click.UsageError for a route that neither the configuration nor a retry has."""
    from streamroute.ops.retries.query import RetrySelection

    known = {name for route in document.routes for name in (route.name, *route.formerly)}
    if known.issuperset(routes):
        return
    for found in await query.select(RetrySelection()):
        known |= {route for retry in found.selected for route in retry.name.routes}
    for unknown in sorted(set(routes) - known):
        hint = suggestion_hint(unknown, sorted(known))
        raise click.UsageError(
            f'unknown route "{unknown}": neither the configuration nor a retry has it{hint}'
        )


def _missing(ids: Sequence[str], found: Sequence[StreamRetries]) -> ExitCode:
    """Return FOUND, and print which, if no retry waits for some of the ids."""
    waiting = {retry.name.id for each in found for retry in each.selected}
    missing = [entry_id for entry_id in dict.fromkeys(ids) if entry_id not in waiting]
    if missing:
        echo(f"no retry waits for {', '.join(missing)}: it may run now, or has ended", err=True)
    return ExitCode.FOUND if missing else ExitCode.OK


def _ask(verb: str, number: int) -> None:
    """Ask before retries are changed; raises click.Abort if the answer is no."""
    if not sys.stdin.isatty():
        raise click.UsageError("cannot ask for confirmation without a terminal; add --yes, or try --dry-run")
    confirm(f"{verb} {pluralize(number, 'retry', 'retries')}?")
