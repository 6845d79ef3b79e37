"""The options that the commands which look at streams share."""

from __future__ import annotations

from typing import Final

import click

from streamroute.cli.arguments.options import Duration, combined

_SHORTEST: Final = 0.2  # seconds between two looks


class _Interval(Duration):
    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = super().convert(value, param, ctx)
        if seconds < _SHORTEST:
            self.fail("look at most five times a second: 200ms or longer", param, ctx)
        return seconds


EVERY: Final = click.option(
    "--every", type=_Interval(), default="2s", show_default=True, metavar="TIME",
    help="How often to look again.",
)  # fmt: skip

WATCH: Final = combined(
    click.option("--watch", is_flag=True, help="Look repeatedly, until Ctrl-C."),
    EVERY,
)
"""``watch`` and ``every``, in seconds."""
