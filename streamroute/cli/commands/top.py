"""``streamroute top``: the busiest, slowest or most failing routes."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from streamroute.cli.arguments.options import CONFIG_OPTIONS
from streamroute.cli.arguments.paths import config_path
from streamroute.cli.commands.observing.options import EVERY
from streamroute.cli.commands.observing.streams import chosen_streams
from streamroute.cli.commands.observing.watching import Look, look_once, look_repeatedly
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.streams import echo, redraw, write_json
from streamroute.cli.process.exit_codes import ExitCode

if TYPE_CHECKING:
    from streamroute.cli.commands.observing.top_view import TopView
    from streamroute.ops.status.ranking import RankedRoute
    from streamroute.ops.status.stream_status import Status

_WIDTH = 80  # of a terminal that does not tell it


@click.command(name="top")
@click.argument("names", nargs=-1, metavar="[STREAM]...")
@click.option(
    "--sort", type=click.Choice(["rate", "latency", "failures"]), default="rate", show_default=True,
    help="Which routes come first.",
)  # fmt: skip
@click.option("--filter", "text", default="", metavar="TEXT", help="Only routes and streams with this text.")
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, metavar="N",
    help="How many routes to print where there is no terminal.",
)  # fmt: skip
@EVERY
@CONFIG_OPTIONS
def command(
    names: tuple[str, ...],
    sort: str,
    text: str,
    limit: int,
    every: float,
    config: str | None,
    no_embedded: bool,
    output_format: str,
) -> int:
    """Show the routes that were active in the last minute, the busiest first.

    On a terminal it redraws: r, l and f sort by rate, latency or failures, / filters,
    and q quits. Elsewhere, and with --format json, it prints once.

    \b
    Examples:
      streamroute top
      streamroute top --sort failures --filter welcome
      streamroute top --format json | jq '.routes[0]'
    """
    from streamroute.cli.arguments.config import document_or_exit
    from streamroute.cli.commands.observing.top_view import TopView
    from streamroute.ops.status.ranking import Ranking, rank

    set_up_logging("text", "warning")
    document = document_or_exit(config_path(config))
    look = Look(document, chosen_streams(document, names), embedded=not no_embedded)
    if output_format == "json" or not sys.stdout.isatty():
        status = asyncio.run(look_once(look))
        _print(status, rank(status, Ranking(sort), text), limit, output_format)
        return ExitCode.OK
    with suppress(KeyboardInterrupt):
        asyncio.run(_redraw(look, TopView(Ranking(sort), text), every))
    return ExitCode.OK


def _print(status: Status, routes: Sequence[RankedRoute], limit: int, output_format: str) -> None:
    from streamroute.cli.output.status.top_text import route_lines, sums
    from streamroute.ops.status.times import iso_time

    if output_format == "json":
        found = [route.as_dict() for route in routes[:limit]]
        write_json({"time": iso_time(status.time), "total": len(routes), "routes": found})
    else:
        echo("\n".join([sums(status), "", *route_lines(routes, limit=limit)]))


async def _redraw(look: Look, view: TopView, every: float) -> None:
    """Draw the screen whenever there is a status or a key, until q or Ctrl-C."""
    from streamroute.cli.commands.observing.keyboard import pressed_keys

    done = asyncio.Event()

    def draw() -> None:
        columns, lines = shutil.get_terminal_size((_WIDTH, 24))
        if not redraw(view.screen(columns, lines - 1)) or view.is_done:
            done.set()

    def show(status: Status) -> bool:
        view.status, view.problem = status, ""
        draw()
        return True

    def show_problem(problem: str) -> None:
        view.problem = problem
        draw()

    def on_keys(keys: str) -> None:
        view.press(keys)
        draw()

    with pressed_keys(on_keys):
        looking = asyncio.create_task(look_repeatedly(look, show, show_problem, every=every))
        waiting = asyncio.create_task(done.wait())
        await asyncio.wait([looking, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        looking.cancel()
        await asyncio.wait([looking, waiting])
        if not looking.cancelled():
            looking.result()
