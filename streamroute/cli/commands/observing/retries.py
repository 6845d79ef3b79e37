"""``streamroute status retries``: list the retries that wait, run them now, or cancel them."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from streamroute.cli.arguments.options import ACTOR, CONFIG_OPTIONS, combined, reason_option
from streamroute.cli.commands.observing.default_group import DefaultGroup
from streamroute.cli.commands.observing.retry_session import RetrySession, run_change, run_listing
from streamroute.cli.process.exit_codes import ExitCode

_ID: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)


class _EntryId(click.ParamType[str]):
    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if _ID.fullmatch(str(value)) is None:
            hint = "" if str(value)[:1].isdigit() else f"; to select a route, write --route {value}"
            self.fail(f'"{value}" is not the id of an entry{hint}', param, ctx)
        return str(value)


_FILTERS: Final = combined(
    click.option("--stream", "streams", multiple=True, metavar="NAME", help="Only retries of this stream."),
    click.option("--route", "routes", multiple=True, metavar="NAME", help="Only retries of this route."),
)
_CHANGE: Final = combined(
    click.argument("ids", nargs=-1, type=_EntryId(), metavar="[ID]..."),
    _FILTERS,
    click.option("--all", "everything", is_flag=True, help="Select all retries."),
    click.option("--dry-run", is_flag=True, help="Show what would be done, without doing it."),
    click.option("--yes", is_flag=True, help="Do not ask for confirmation."),
    ACTOR,
)


@click.group(name="retries", cls=DefaultGroup, default="list")
def command() -> None:
    """List the retries that wait, run them now, or cancel them.

    A retry is named by the id of the message's entry; a message has one for each route
    that failed. One that is due is taken by a worker within five seconds.

    \b
    Examples:
      streamroute status retries --route welcome-vip
      streamroute status retries run 1718000000000-0
      streamroute status retries run --route welcome-vip --dry-run
      streamroute status retries cancel --route welcome-vip --reason "no guest"
    """


@command.command(name="list")
@_FILTERS
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, metavar="N",
    help="How many retries to list; 0 lists all.",
)  # fmt: skip
@CONFIG_OPTIONS
def list_retries(limit: int, **settings: Any) -> int:
    """Count the retries that wait, and list those that are due first (the default command)."""
    return run_listing(limit, **settings)


@command.command(name="run")
@_CHANGE
@CONFIG_OPTIONS
def run_now(**settings: Any) -> int:
    """Run retries now instead of when they are due; the attempt counts as it would then."""
    from streamroute.cli.output.status.retries import print_done
    from streamroute.ops.retries.actions import run_retries

    async def work(session: RetrySession) -> int:
        async with session.action("run retries") as action:
            action.count = sum([await run_retries(found) for found in session.found])
            print_done("made due", action.count, session.output_format, dry_run=False)
        return ExitCode.OK

    return run_change("Run", "made due", work, **settings)


@command.command(name="cancel")
@_CHANGE
@reason_option("Why; it is kept in the dead letter.")
@CONFIG_OPTIONS
def cancel(reason: str, **settings: Any) -> int:
    """Replace retries by dead letters, which can be shown, edited, retried or dropped."""
    from streamroute.cli.output.status.retries import print_done
    from streamroute.ops.retries.actions import cancel_retries

    async def work(session: RetrySession) -> int:
        damaged = 0
        async with session.action("cancel retries", reason) as action:
            action.count = 0
            for found in session.found:
                cancelled, unreadable = await cancel_retries(found, session.who, reason)
                action.count, damaged = action.count + cancelled, damaged + unreadable
            print_done("cancelled", action.count, session.output_format, dry_run=False, damaged=damaged)
        return ExitCode.FOUND if damaged else ExitCode.OK

    return run_change("Cancel", "cancelled", work, **settings)
