"""``streamroute audit``."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from streamroute.cli.arguments.options import CONFIG_OPTIONS
from streamroute.cli.arguments.paths import config_path
from streamroute.cli.arguments.stream_argument import stream_named
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.output.streams import echo, write_json
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.services.server_connection import open_server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamroute.adapters.audit.log import StoredAudit
    from streamroute.config.document import Document


@click.command(name="audit")
@CONFIG_OPTIONS
@click.option("--stream", "streams", multiple=True, metavar="NAME", help="Only actions on this stream.")
@click.option(
    "--last", type=click.IntRange(1, 10_000), default=20, show_default=True, metavar="N",
    help="How many actions to list.",
)  # fmt: skip
def command(
    config: str | None, no_embedded: bool, output_format: str, streams: tuple[str, ...], last: int
) -> int:
    """List what operators did, newest first.

    Retries, drops and edits of dead letters, pauses, replays and other actions are
    recorded beside the stream's consumer group, which keeps about the last 10,000. A long
    action has two records: one when it starts, one when it ends.

    \b
    Examples:
      streamroute audit --last 50
      streamroute audit --stream bot_events --format json
    """
    from streamroute.cli.arguments.config import load_or_exit
    from streamroute.ops.audit import action_object

    set_up_logging("text", "warning")
    document = load_or_exit(config_path(config), imports=False).document
    for name in streams:
        stream_named(document.streams, name)
    found = asyncio.run(_read(document, streams, last, embedded=not no_embedded))
    if output_format == "json":
        write_json({"actions": [action_object(stored) for stored in found]})
    else:
        echo(_table(found) if found else "no action is recorded")
    return ExitCode.OK


async def _read(
    document: Document, streams: Sequence[str], limit: int, *, embedded: bool
) -> list[StoredAudit]:
    from streamroute.ops.audit import former_group_keys, group_keys, newest_actions

    names = dict.fromkeys(streams) or None
    groups = [*group_keys(document, names), *former_group_keys(document, names)]
    async with open_server(document, embedded=embedded, create=False) as redis:
        return await newest_actions(redis, groups, limit)


def _table(found: Sequence[StoredAudit]) -> str:
    from streamroute.cli.output.layout import OutputLayout
    from streamroute.cli.output.table import table
    from streamroute.cli.output.tables.column import NOTHING, Column, Fit
    from streamroute.ops.audit import action_object

    columns = (
        Column("time", Fit.TIME),
        Column("who", Fit.NAME, rank=1),
        Column("action", Fit.NAME),
        Column("stream", Fit.NAME, rank=4),
        Column("target", Fit.NAME),
        Column("count", rank=5),
        Column("result", Fit.TEXT, rank=3),
        Column("reason", Fit.TEXT, rank=2),
    )
    facts = map(action_object, found)
    rows = [[_cell(fact[column.head], NOTHING) for column in columns] for fact in facts]
    return table(columns, rows, OutputLayout.of(sys.stdout))


def _cell(value: str | int | None, nothing: str) -> str:
    return nothing if value in ("", None) else str(value)
