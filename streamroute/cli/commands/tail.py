"""``streamroute tail``."""

from __future__ import annotations

from typing import Any

import click

from streamroute.cli.arguments.path_options import ALLOW_OUTSIDE, PATH
from streamroute.cli.arguments.stream_time import StreamTimeParam
from streamroute.cli.arguments.where import WhereParam
from streamroute.ops.tail.outcome_names import OUTCOMES


@click.command(name="tail")
@click.argument("streams", nargs=-1, metavar="[STREAM]...")
@click.option(
    "--config", type=PATH, metavar="PATH", help="Path of routes.yaml (default: in the working folder)."
)
@ALLOW_OUTSIDE
@click.option("--no-embedded", is_flag=True, help="Do not use the embedded server.")
@click.option("--import", "imports", is_flag=True, help="Import the project's own codecs to decode entries.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only messages of this type.")
@click.option(
    "--where",
    type=WhereParam(),
    metavar="EXPR",
    help="Only messages whose payload this filter accepts (JMESPath, as a route's filter).",
)
@click.option("--route", "routes", multiple=True, metavar="NAME", help="Only messages that this route runs.")
@click.option("--explain", "explains", is_flag=True, help="Also show why a route does not match.")
@click.option(
    "--transform",
    type=click.Choice(["before", "after"]),
    default="before",
    show_default=True,
    help="Show messages as published, or as the handlers receive them.",
)
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice(OUTCOMES),
    metavar="RESULT",
    help=f"Show how messages end, as the workers report it: these results, of {', '.join(OUTCOMES)}.",
)
@click.option(
    "--last", type=click.IntRange(0, 1000), default=0, help="Show this many earlier messages first."
)
@click.option(
    "--from",
    "start",
    type=StreamTimeParam(),
    metavar="TIME",
    help="Begin at an entry's id, a time in UTC (2026-07-01T22:00) or an age (-2h).",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="End after this many messages.")
@click.option("--no-follow", is_flag=True, help="End when all earlier messages are shown.")
@click.option("--full", is_flag=True, help="Do not cut long messages.")
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(config: str | None, no_embedded: bool, imports: bool, **options: Any) -> int:
    """Show messages as they are added to the streams (default: all of them).

    It reads without the consumer groups: nothing is consumed, claimed or acknowledged. Values at the paths of
    `redact` are hidden. Ctrl-C ends it. With --format json, each line is an object.

    With --outcome it shows how messages end instead. The workers send samples while somebody watches; they
    begin within two seconds. "failed" means retried or dead.

    \b
    Examples:
      streamroute tail
      streamroute tail bot_events --type booking.confirmed --where 'nights > `3`'
      streamroute tail --route welcome_mail --transform after --last 5
      streamroute tail --outcome failed --route welcome_mail
      streamroute tail --from -2h --no-follow --format json
    """
    from streamroute.cli.commands.tailing.run import TailOptions, run_tail

    return run_tail(config, TailOptions(**options), embedded=not no_embedded, imports=imports)
