"""``streamroute paused``: list what is paused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from streamroute.cli.arguments.options import CONFIG_OPTIONS
from streamroute.cli.arguments.paths import config_path
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.services.server_connection import open_server

if TYPE_CHECKING:
    from streamroute.config.document import Document
    from streamroute.ops.pauses.listing import PausedItem


@click.command(name="paused")
@CONFIG_OPTIONS
def command(config: str | None, no_embedded: bool, output_format: str) -> int:
    """List what is paused: since when, by whom, why, and how many messages are parked.

    A circuit is a pause by the route's own `pause_when`: `until` is when a message tries the
    route again. A route that was resumed is listed as long as parked messages return.

    \b
    Examples:
      streamroute paused
      streamroute paused --format json
    """
    from streamroute.cli.arguments.config import load_or_exit
    from streamroute.cli.output.pauses.report import print_paused

    set_up_logging("text", "warning")
    document = load_or_exit(config_path(config), imports=False).document
    print_paused(asyncio.run(_read(document, embedded=not no_embedded)), output_format)
    return ExitCode.OK


async def _read(document: Document, *, embedded: bool) -> list[PausedItem]:
    from streamroute.ops.audit import group_keys
    from streamroute.ops.pauses.listing import paused_items

    async with open_server(document, embedded=embedded, create=False) as redis:
        return await paused_items(redis, group_keys(document))
