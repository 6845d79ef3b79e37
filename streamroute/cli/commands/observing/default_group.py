"""A group of commands, one of which runs if no other is named."""

from __future__ import annotations

from typing import Any

import click

_HELP = ("-h", "--help")
_SHORT_HELP = 100  # characters; click wraps it


class DefaultGroup(click.Group):
    """A group whose command ``default`` runs for arguments that name no command: ``status --watch``.

    The help of the group lists the options of that command.
    """

    def __init__(self, *args: Any, default: str, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See ``click.Group``."""
        if not args or (args[0] not in self.commands and args[0] not in _HELP):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the usage of the default command."""
        return self.commands[self.default].collect_usage_pieces(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of the default command, then the other commands."""
        click.Command.format_options(self.commands[self.default], ctx, formatter)
        rows = [(name, command.get_short_help_str(_SHORT_HELP)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
