"""Options and types of options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from streamroute.cli.arguments.path_options import ALLOW_OUTSIDE, PATH
from streamroute.values import parse_duration

_RATE: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/(s|m|h)", re.ASCII)
_LONGEST: Final = 3650 * 86_400.0  # seconds
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}

F = TypeVar("F", bound=Callable[..., Any])


class Duration(click.ParamType[float]):
    """A duration as in routes.yaml, such as ``5m``: a float of seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See ``click.ParamType``."""
        try:
            seconds = parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if seconds > _LONGEST:
            self.fail("a duration is at most ten years (3650d)", param, ctx)
        return seconds


class Rate(click.ParamType[float]):
    """A rate such as ``50/s``, ``10/m`` or ``600/h``: a float of items a second."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See ``click.ParamType``."""
        match = _RATE.fullmatch(str(value))
        rate = float(match[1]) / _SECONDS[match[2]] if match else 0.0
        if rate <= 0:
            self.fail(f'"{value}" is not a rate; write 50/s, 10/m or 600/h', param, ctx)
        return rate


def combined(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return a decorator that adds several options, in this order."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


FORMAT: Final = click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="Output format.",
)  # fmt: skip

CONFIG_OPTIONS: Final = combined(
    click.option(
        "--config", type=PATH, metavar="PATH",
        help="Path of routes.yaml (default: in the working folder).",
    ),
    click.option("--no-embedded", is_flag=True, help="Do not use the embedded server."),
    ALLOW_OUTSIDE,
    FORMAT,
)  # fmt: skip
"""The options of a command that uses a configuration and its server: ``config``, ``no_embedded``,
``output_format``."""


def reason_option(help_text: str = "Why, for the audit log.") -> Callable[[F], F]:
    """Return the option of a command that writes its reason to the audit log: ``reason``.

    Its second name is the one of the commands whose ``--reason`` selects dead letters.
    """
    return click.option("--reason", "--why", "reason", default="", metavar="TEXT", help=help_text)


WHY: Final = click.option(
    "--why", default="", metavar="TEXT",
    help="Why, for the audit log (--reason selects by the reason of the failure).",
)  # fmt: skip
"""The same option for commands on dead letters: ``why``."""

ACTOR: Final = click.option(
    "--as", "who", metavar="NAME",
    help="Your name in the audit log (default: STREAMROUTE_ACTOR, else user@host).",
)  # fmt: skip
"""The option of a command that writes to the audit log: ``who``, which may be None."""
