"""The ``streamroute`` command: runs the subcommand, and handles unexpected errors."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

import click

from streamroute.cli.output.streams import capture_warnings
from streamroute.cli.process.error_boundary import run_guarded
from streamroute.version import VERSION

_COMMANDS: Final = {
    "audit": "List what operators did: retries, drops, pauses, replays.",
    "board": "Serve web pages that show the router.",
    "check": "Validate routes.yaml.",
    "dead": "List, retry or drop dead letters.",
    "diff": "Show what another configuration would do with the same events.",
    "docs": "Show the documentation of a topic.",
    "explain": "Explain which routes match an event, and why.",
    "generations": "List the generations of the configuration that ran last.",
    "init": "Create a starter project.",
    "jobs": "List, stop or resume replays and paced retries.",
    "pause": "Pause a route or a stream.",
    "paused": "List what is paused.",
    "publish": "Publish events to a stream.",
    "reload": "Reload the configuration of a running serve.",
    "replay": "Run old entries of a stream again, in chosen routes.",
    "resume": "Resume a paused route or stream.",
    "rollback": "Run an earlier generation in a running serve.",
    "rule": "Show the rules of check, with examples.",
    "routes": "Show the routes as a list or a graph.",
    "schema": "Print the JSON Schema of routes.yaml.",
    "serve": "Run the router until it is stopped.",
    "status": "Show what streams, workers, routes and retries do now.",
    "tail": "Show messages as they come.",
    "test": "Run the route tests.",
    "top": "Show the busiest, slowest or most failing routes.",
}


class _Commands(click.Group):
    """Subcommands that are imported when they run, so that ``--help`` and ``check`` start fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"streamroute.cli.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from streamroute.text.suggestions import did_you_mean

        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            suggestion = did_you_mean(args[0], _COMMANDS)
            hint = f' Did you mean "{suggestion}"?' if suggestion else ""
            ctx.fail(f'No such command "{args[0]}".{hint}')
        return super().resolve_command(ctx, args)


@click.command(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80}
)
@click.version_option(VERSION, "-V", "--version", message="%(prog)s %(version)s")
def streamroute() -> None:
    """Route events on Redis Streams as configured in routes.yaml.

    By default, every command uses routes.yaml in the working folder; a folder stands for
    its routes.yaml.

    \b
    Shell completion:
      bash  eval "$(_STREAMROUTE_COMPLETE=bash_source streamroute)"
      zsh   eval "$(_STREAMROUTE_COMPLETE=zsh_source streamroute)"
      fish  _STREAMROUTE_COMPLETE=fish_source streamroute | source

    \b
    Exit codes: 0 success, 1 invalid input or a message that failed permanently,
    2 usage error, 3 internal error, 4 Redis is unavailable.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    capture_warnings()
    sys.exit(run_guarded(lambda: streamroute.main(arguments, prog_name="streamroute", standalone_mode=False)))
