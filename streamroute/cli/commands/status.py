"""``streamroute status``: what streams, workers, routes and retries do now."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from streamroute.cli.arguments.options import CONFIG_OPTIONS
from streamroute.cli.arguments.paths import config_path
from streamroute.cli.commands.observing import retries
from streamroute.cli.commands.observing.default_group import DefaultGroup
from streamroute.cli.commands.observing.options import WATCH
from streamroute.cli.commands.observing.streams import chosen_streams
from streamroute.cli.commands.observing.watching import Look, look_once, look_repeatedly
from streamroute.cli.output.logging import echo_error, set_up_logging
from streamroute.cli.output.streams import clear_screen, echo, write_document, write_json
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.text.json_text import as_json

if TYPE_CHECKING:
    from streamroute.ops.status.stream_status import Status


@click.group(name="status", cls=DefaultGroup, default="streams")
def command() -> None:
    """Show what streams, workers, routes and retries do now.

    For each stream: how many entries wait, are held, wait for a retry or failed for good;
    which workers hold them, and what each runs since when; how often and how fast the
    active routes ran in the last minute. It reads Redis alone, so it works from any
    machine, and changes nothing.

    \b
    Examples:
      streamroute status
      streamroute status bot_events --watch
      streamroute status --format json
      streamroute status retries --route welcome-vip
    """


@command.command(name="streams")
@click.argument("names", nargs=-1, metavar="[STREAM]...")
@WATCH
@CONFIG_OPTIONS
def streams_status(
    names: tuple[str, ...],
    watch: bool,
    every: float,
    config: str | None,
    no_embedded: bool,
    output_format: str,
) -> int:
    """Show all streams, or some (the default command)."""
    from streamroute.cli.arguments.config import document_or_exit

    set_up_logging("text", "warning")
    document = document_or_exit(config_path(config))
    look = Look(document, chosen_streams(document, names), embedded=not no_embedded)
    if not watch:
        _show(asyncio.run(look_once(look)), output_format)
        return ExitCode.OK

    def show(status: Status) -> bool:
        return _show_again(status, output_format)

    try:
        asyncio.run(look_repeatedly(look, show, echo_error, every=every))
    except KeyboardInterrupt:
        echo("", err=True)
    return ExitCode.OK


command.add_command(retries.command)


def _show(status: Status, output_format: str) -> bool:
    from streamroute.cli.output.layout import OutputLayout
    from streamroute.cli.output.status.streams_text import status_text

    if output_format == "json":
        write_json(status.as_dict())
        return True
    return echo(status_text(status, OutputLayout.of(sys.stdout)))


def _show_again(status: Status, output_format: str) -> bool:
    """Show one of many: a JSON object on a line, or the text in place of the one before."""
    if output_format == "json":
        return write_document(as_json(status.as_dict(), indent=None) + "\n")
    if sys.stdout.isatty():
        clear_screen()
    return _show(status, output_format) and (sys.stdout.isatty() or echo(""))
