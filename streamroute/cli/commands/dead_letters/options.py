"""The options that the commands of ``dead`` share."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from streamroute.cli.arguments.options import Duration, combined

_ID: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)


class LetterId(click.ParamType[str]):
    """The id of a dead letter, such as ``1718000000000-0``."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See ``click.ParamType``."""
        if _ID.fullmatch(str(value)) is None:
            hint = "" if str(value)[:1].isdigit() else f"; to select a route, write --route {value}"
            self.fail(
                f'"{value}" is not the id of a dead letter; `streamroute dead list` shows them{hint}',
                param,
                ctx,
            )
        return str(value)


FILTER_OPTIONS: Final = combined(
    click.option(
        "--stream", "streams", multiple=True, metavar="NAME", help="Only dead letters of this stream."
    ),
    click.option(
        "--route",
        "routes",
        multiple=True,
        metavar="NAME",
        help='Only dead letters of this route, or "(no route)".',
    ),
    click.option(
        "--type", "types", multiple=True, metavar="TYPE", help="Only dead letters of this message type."
    ),
    click.option(
        "--group",
        "groups",
        multiple=True,
        metavar="GROUP",
        help="Only dead letters of this group of failures; `dead groups` shows them.",
    ),
    click.option(
        "--error-class",
        "error_classes",
        multiple=True,
        metavar="CLASS",
        help="Only dead letters with this class of error, e.g. KeyError.",
    ),
    click.option(
        "--where",
        metavar="EXPR",
        help="Only dead letters for whose payload this JMESPath expression is true.",
    ),
    click.option(
        "--error", default="", metavar="TEXT", help="Only dead letters whose error contains this text."
    ),
    click.option(
        "--reason", default="", metavar="TEXT", help="Only dead letters whose reason contains this text."
    ),
    click.option(
        "--older", type=Duration(), metavar="AGE", help="Only dead letters older than this, e.g. 7d."
    ),
    click.option(
        "--newer", type=Duration(), metavar="AGE", help="Only dead letters newer than this, e.g. 1h."
    ),
)

CHANGE_OPTIONS: Final = combined(
    click.argument("ids", nargs=-1, type=LetterId(), metavar="[ID]..."),
    FILTER_OPTIONS,
    click.option("--all", "everything", is_flag=True, help="Select all dead letters."),
    click.option("--dry-run", is_flag=True, help="Show what would be done, without doing it."),
)
"""The options of commands that change letters."""
