"""Options and types of paths that several commands share."""

from __future__ import annotations

from typing import Final

import click

_OUTSIDE: Final = "streamroute.allow-outside"

PATH: Final = click.Path(readable=False)
"""A path that shells complete; errors are reported when the file is read."""


def _allow(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    context.meta[_OUTSIDE] = value


ALLOW_OUTSIDE: Final = click.option(
    "--allow-outside",
    is_flag=True,
    expose_value=False,
    callback=_allow,
    help="Allow files and embedded data outside the configuration folder.",
)
"""The option of all commands that read a configuration; ``outside_allowed`` returns its value."""


def outside_allowed() -> bool:
    """Whether the running command may read files outside the folder of the configuration."""
    allowed: bool = click.get_current_context().meta.get(_OUTSIDE, False)
    return allowed
