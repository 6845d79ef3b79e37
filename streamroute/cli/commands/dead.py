"""``streamroute dead``: list, show, retry and drop dead letters."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from streamroute.cli.arguments.paths import OUTSIDE, PATH, config_path
from streamroute.cli.arguments.server import open_server
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.commands.dead_names import require_known
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.streams import confirm, progress_bar, say
from streamroute.cli.process.exit_codes import Exit
from streamroute.values import parse_duration

if TYPE_CHECKING:
    from streamroute.config.document import Document
    from streamroute.ops.dead_letters.query import Office, Page, Wanted

F = TypeVar("F", bound=Callable[..., Any])

_ID: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _LetterId(click.ParamType[str]):
    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if _ID.fullmatch(str(value)) is None:
            hint = "" if str(value)[:1].isdigit() else f"; of a route, write --route {value}"
            said = f'"{value}" is no id of a dead letter; `streamroute dead list` shows them{hint}'
            self.fail(said, param, ctx)
        return str(value)


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


_WHERE: Final = _options(
    click.option(
        "--config", type=PATH, metavar="PATH", help="The routes.yaml that names the streams (default: here)."
    ),
    click.option("--no-embedded", is_flag=True, help="Refuse to use the embedded server."),
    OUTSIDE,
    click.option(
        "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
        help="For people, or one JSON object for machines.",
    ),
)  # fmt: skip

_FILTERS: Final = _options(
    click.option("--stream", "streams", multiple=True, metavar="NAME", help="Only of this stream."),
    click.option(
        "--route", "routes", multiple=True, metavar="NAME", help='Only of this route, or "(no route)".'
    ),
    click.option("--type", "types", multiple=True, metavar="TYPE", help="Only messages of this type."),
    click.option("--error", default="", metavar="TEXT", help="Only where the error holds this text."),
    click.option("--reason", default="", metavar="TEXT", help="Only where the reason holds this text."),
    click.option("--older", type=_Duration(), metavar="AGE", help="Only what is older, e.g. 7d."),
    click.option("--newer", type=_Duration(), metavar="AGE", help="Only what is newer, e.g. 1h."),
)

_IDS: Final = click.argument("ids", nargs=-1, type=_LetterId(), metavar="[ID]...")
_ALL: Final = click.option("--all", "everything", is_flag=True, help="All of them, without a filter.")
_DRY: Final = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


@click.group(name="dead")
def command() -> None:
    """Look at dead letters, let them run again, or drop them.

    A dead letter is a message that failed for good, in one route: its fields as they were, the error,
    and what happened before.

    \b
    Examples:
      streamroute dead list --newer 1h
      streamroute dead show 1718000000000-0
      streamroute dead retry --route welcome-vip --dry-run
      streamroute dead drop --older 30d
    """


@command.command(name="list", short_help="Count dead letters, and list the newest.")
@_WHERE
@_FILTERS
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, help="How many are listed; 0: all."
)
def list_letters(config: str | None, no_embedded: bool, form: str, limit: int, **filters: Any) -> int:
    """Count dead letters by stream, route and reason, and list the newest."""
    from streamroute.cli.output.dead_letters import Listing, print_listing

    async def run(desk: _Desk) -> int:
        listing = Listing(limit)
        async for page in desk.pages():
            for letter in page.letters:
                listing.add(letter)
        print_listing(listing, await desk.office.now(), form)
        return Exit.OK

    return _at_desk(config, no_embedded, run, **filters)


@command.command(name="show", short_help="Print all that is known of one dead letter.")
@_WHERE
@click.argument("letter_id", type=_LetterId(), metavar="ID")
def show_letter(config: str | None, no_embedded: bool, form: str, letter_id: str) -> int:
    """Print all that is known of one dead letter: fields, error, traceback, history."""
    from streamroute.cli.output.dead_letters import print_letter

    async def run(desk: _Desk) -> int:
        letters = [letter async for page in desk.pages() for letter in page.letters]
        for letter in letters:
            print_letter(letter, await desk.office.now(), form)
        return _found(len(letters), desk.wanted)

    return _at_desk(config, no_embedded, run, ids=(letter_id,))


@command.command(name="retry")
@_WHERE
@_IDS
@_FILTERS
@_ALL
@_DRY
def retry_letters(
    config: str | None, no_embedded: bool, form: str, everything: bool, dry_run: bool, **filters: Any
) -> int:
    """Let dead letters run again, under the configuration of now.

    Each goes to the route that failed and to no other, and starts again at its first attempt; its
    history stays with it. One whose route is gone, or disabled, stays where it is. A letter without a
    route (it could not be read, its type was unknown, it killed its workers) goes to every route that its
    message was for.
    """
    from streamroute.cli.output.dead_letters import print_deed
    from streamroute.ops.dead_letters.actions import Deed, retry_page

    async def run(desk: _Desk) -> int:
        deed = Deed()
        async for page in desk.pages():
            await retry_page(desk.office, page, deed, dry_run=dry_run)
        print_deed(deed, "retried", form, dry_run=dry_run)
        return max(
            _found(deed.done + deed.refused.total(), desk.wanted), Exit.FOUND if deed.refused else Exit.OK
        )

    return _at_desk(config, no_embedded, run, named=everything, **filters)


@command.command(name="drop")
@_WHERE
@_IDS
@_FILTERS
@_ALL
@_DRY
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop_letters(
    config: str | None,
    no_embedded: bool,
    form: str,
    everything: bool,
    dry_run: bool,
    yes: bool,
    **filters: Any,
) -> int:
    """Delete dead letters, for ever."""
    from streamroute.cli.output.dead_letters import print_deed
    from streamroute.ops.dead_letters.actions import Deed, drop_page

    async def run(desk: _Desk) -> int:
        if not (yes or dry_run):
            await _confirm(desk)
        deed = Deed()
        async for page in desk.pages():
            await drop_page(page, deed, dry_run=dry_run)
        print_deed(deed, "dropped", form, dry_run=dry_run)
        return _found(deed.done, desk.wanted)

    return _at_desk(config, no_embedded, run, named=everything, **filters)


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where one command works: the office, and the letters that are meant."""

    office: Office
    wanted: Wanted

    async def pages(self) -> AsyncIterator[Page]:
        """The letters that are meant, with a bar on a terminal."""
        total = len(self.wanted.ids) or await self.office.count()
        with progress_bar("dead letters", total) as bar:
            async for page in self.office.find(self.wanted):
                yield page
                bar.update(page.scanned)


def _at_desk(
    config: str | None,
    no_embedded: bool,
    work: Callable[[_Desk], Coroutine[Any, Any, int]],
    *,
    named: bool | None = None,
    **filters: Any,
) -> int:
    """Run a command; one that changes letters (``named`` is not None) must say which."""
    from streamroute.cli.arguments.config import load_or_exit
    from streamroute.ops.dead_letters.query import Wanted

    wanted = Wanted(**filters)
    if named is False and wanted.is_everything:
        raise click.UsageError("say which: ids, a filter such as --route, or --all")
    set_up_logging("text", "warning")
    document = load_or_exit(config_path(config), imports=False).document
    for name in wanted.streams:
        stream_named(document.streams, name)
    return asyncio.run(_work(document, wanted, work, embedded=not no_embedded))


async def _work(
    document: Document, wanted: Wanted, work: Callable[[_Desk], Coroutine[Any, Any, int]], *, embedded: bool
) -> int:
    async with _office(document, embedded=embedded) as office:
        await require_known(office, document, wanted)
        return await work(_Desk(office, wanted))


@asynccontextmanager
async def _office(document: Document, *, embedded: bool) -> AsyncIterator[Office]:
    from streamroute.ops.dead_letters.query import Office

    async with open_server(document, embedded=embedded, create=False) as redis:
        yield Office(redis, document)


async def _confirm(desk: _Desk) -> None:
    """Ask before letters are deleted; raises click.Abort for a no."""
    from streamroute.text.counted import counted

    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: say --yes, or look first with --dry-run")
    count = sum([len(page.letters) async for page in desk.pages()])
    confirm(f"Delete {counted(count, 'dead letter')} for ever?")


def _found(count: int, wanted: Wanted) -> Exit:
    """An id that was named and is not there is something wrong."""
    if wanted.ids and count < len(set(wanted.ids)):
        say("no such dead letter, or not one that the filters take", err=True)
        return Exit.FOUND
    return Exit.OK
