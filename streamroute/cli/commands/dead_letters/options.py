"""The options that the commands of ``dead`` share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from streamroute.cli.arguments.paths import ALLOW_OUTSIDE, PATH
from streamroute.values import parse_duration

F = TypeVar("F", bound=Callable[..., Any])

_ID: Final = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


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


def _combined(*options: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


CONFIG_OPTIONS: Final = _combined(
    click.option(
        "--config", type=PATH, metavar="PATH",
        help="Path of routes.yaml (default: in the working folder).",
    ),
    click.option("--no-embedded", is_flag=True, help="Do not use the embedded server."),
    ALLOW_OUTSIDE,
    click.option(
        "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True,
        help="Output format.",
    ),
)  # fmt: skip

FILTER_OPTIONS: Final = _combined(
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
        "--error", default="", metavar="TEXT", help="Only dead letters whose error contains this text."
    ),
    click.option(
        "--reason", default="", metavar="TEXT", help="Only dead letters whose reason contains this text."
    ),
    click.option(
        "--older", type=_Duration(), metavar="AGE", help="Only dead letters older than this, e.g. 7d."
    ),
    click.option(
        "--newer", type=_Duration(), metavar="AGE", help="Only dead letters newer than this, e.g. 1h."
    ),
)

CHANGE_OPTIONS: Final = _combined(
    click.argument("ids", nargs=-1, type=LetterId(), metavar="[ID]..."),
    FILTER_OPTIONS,
    click.option("--all", "everything", is_flag=True, help="Select all dead letters."),
    click.option("--dry-run", is_flag=True, help="Show what would be done, without doing it."),
)
"""The options of commands that change letters."""
