"""``streamroute dead``: list, show, retry and drop dead letters."""

from __future__ import annotations

import sys
from typing import Any

import click

from streamroute.cli.arguments.options import ACTOR, CONFIG_OPTIONS, WHY
from streamroute.cli.commands.dead_letters.edit import edit_letter
from streamroute.cli.commands.dead_letters.groups import reopen_groups, resolve_groups, show_groups
from streamroute.cli.commands.dead_letters.known_names import route_named
from streamroute.cli.commands.dead_letters.options import (
    CHANGE_OPTIONS,
    FILTER_OPTIONS,
    LetterId,
)
from streamroute.cli.commands.dead_letters.paced import PACE_OPTIONS, Pace, resume_retry, retry_paced
from streamroute.cli.commands.dead_letters.session import DeadLetterSession, run_change, run_session
from streamroute.cli.commands.dead_letters.transfer import export_letters, import_letters
from streamroute.cli.output.streams import confirm
from streamroute.cli.process.exit_codes import ExitCode


@click.group(name="dead")
def command() -> None:
    """List, retry or drop dead letters.

    A dead letter is a message that failed permanently in one route: its original fields, the error, and its
    history.

    \b
    Examples:
      streamroute dead list --newer 1h
      streamroute dead show 1718000000000-0
      streamroute dead groups
      streamroute dead retry --route welcome-vip --dry-run
      streamroute dead list --where "guest.tier == 'gold'"
      streamroute dead drop --older 30d
    """


command.add_command(edit_letter)
command.add_command(export_letters)
command.add_command(import_letters)
command.add_command(show_groups)
command.add_command(resolve_groups)
command.add_command(reopen_groups)


@command.command(name="list", short_help="Count dead letters, and list the newest.")
@CONFIG_OPTIONS
@FILTER_OPTIONS
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Maximum number of dead letters to list; 0 lists all.",
)
def list_letters(
    config: str | None, no_embedded: bool, output_format: str, limit: int, **filters: Any
) -> int:
    """Count dead letters by stream, route and reason, and list the newest."""
    from streamroute.cli.output.dead_letters.letters import Listing, print_listing

    async def work(session: DeadLetterSession) -> int:
        listing = Listing(limit)
        async for page in session.pages():
            for letter in page.letters:
                listing.add(letter)
        print_listing(listing, await session.query.now(), output_format)
        return ExitCode.OK

    return run_session(config, work, embedded=not no_embedded, **filters)


@command.command(name="show", short_help="Print one dead letter in full.")
@CONFIG_OPTIONS
@click.argument("letter_id", type=LetterId(), metavar="ID")
def show_letter(config: str | None, no_embedded: bool, output_format: str, letter_id: str) -> int:
    """Print one dead letter in full: fields, error, traceback, history."""
    from streamroute.cli.output.dead_letters.letters import print_letter

    async def work(session: DeadLetterSession) -> int:
        letters = [letter async for page in session.pages() for letter in page.letters]
        for letter in letters:
            print_letter(letter, await session.query.now(), output_format)
        return session.exit_code(len(letters))

    return run_session(config, work, embedded=not no_embedded, ids=(letter_id,))


@command.command(name="retry")
@CONFIG_OPTIONS
@CHANGE_OPTIONS
@click.option(
    "--to", metavar="ROUTE", help="Run them in this route of their stream; its filter is not evaluated."
)
@PACE_OPTIONS
def retry_letters(
    config: str | None,
    no_embedded: bool,
    output_format: str,
    to: str | None,
    dry_run: bool,
    resume: str | None,
    **selection: Any,
) -> int:
    """Retry dead letters with the current configuration.

    Each runs only in the route that failed, or in that of --to, starting with the first attempt; its history
    is kept. A dead letter is skipped if its route was removed or disabled. A dead letter without a route (it
    could not be decoded, its type was unknown, or it killed its workers) runs in every route that matches its
    message. With --to, a message with several of the dead letters runs once for each.

    With --rate, --stop-after or --watch, the retry is a job of one stream: it goes on where it was after
    Ctrl-C or a crash ("--resume JOB"), and "streamroute jobs" shows it.

    \b
    Examples:
      streamroute dead retry --route welcome-vip --dry-run
      streamroute dead retry --group 3f1c09 --rate 50/s --stop-after 5 --watch
    """
    from streamroute.cli.output.dead_letters.letters import print_result
    from streamroute.ops.dead_letters.actions import ActionResult, retry_page
    from streamroute.ops.dead_letters.audited_change import audited

    pace = Pace.take(selection)
    if resume is not None:
        return resume_retry(config, resume, pace, embedded=not no_embedded, output_format=output_format)

    async def work(session: DeadLetterSession) -> int:
        result, target = ActionResult(), None if to is None else route_named(session.document, to)
        if pace.is_set:
            return await retry_paced(session, pace, to=target, dry_run=dry_run, output_format=output_format)
        who = None if dry_run else pace.who or ""
        change = session.change("dead retry", result, who, to=target, reason=pace.why)
        async with audited(change):
            async for page in session.pages():
                await change.begin(page)
                await retry_page(session.query, page, result, to=target, dry_run=dry_run)
        print_result(result, "retried", output_format, dry_run=dry_run)
        code = session.exit_code(result.done + result.refused.total())
        return ExitCode.FOUND if result.refused else code

    return run_change(config, work, embedded=not no_embedded, **selection)


@command.command(name="drop")
@CONFIG_OPTIONS
@CHANGE_OPTIONS
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@WHY
@ACTOR
def drop_letters(
    config: str | None,
    no_embedded: bool,
    output_format: str,
    dry_run: bool,
    yes: bool,
    why: str,
    who: str | None,
    **selection: Any,
) -> int:
    """Delete dead letters permanently."""
    from streamroute.cli.output.dead_letters.letters import print_result
    from streamroute.ops.dead_letters.actions import ActionResult, drop_page
    from streamroute.ops.dead_letters.audited_change import audited

    async def work(session: DeadLetterSession) -> int:
        if not (yes or dry_run):
            await _confirm(session)
        result = ActionResult()
        change = session.change("dead drop", result, None if dry_run else who or "", reason=why)
        async with audited(change):
            async for page in session.pages():
                await change.begin(page)
                await drop_page(page, result, dry_run=dry_run)
        print_result(result, "dropped", output_format, dry_run=dry_run)
        return session.exit_code(result.done)

    return run_change(config, work, embedded=not no_embedded, **selection)


async def _confirm(session: DeadLetterSession) -> None:
    """Ask before letters are deleted; raises click.Abort if the answer is no."""
    from streamroute.text.counted import pluralize

    if not sys.stdin.isatty():
        raise click.UsageError("cannot ask for confirmation without a terminal; add --yes, or try --dry-run")
    count = sum([len(page.letters) async for page in session.pages()])
    confirm(f"Permanently delete {pluralize(count, 'dead letter')}?")
