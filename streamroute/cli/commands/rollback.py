"""``streamroute rollback``."""

from __future__ import annotations

import re
from typing import Final

import click

from streamroute.cli.arguments.path_options import PATH
from streamroute.cli.arguments.state_dir import STATE_DIR
from streamroute.cli.commands.controlling.ask import TIMEOUT, ask_and_print
from streamroute.config.paths import exists

_HASH: Final = re.compile(r"[0-9a-fA-F]{4,64}")
_SUFFIXES: Final = (".yaml", ".yml")


@click.command(name="rollback")
@click.argument("generation", required=False, metavar="[HASH]")
@click.argument("config", required=False, type=PATH)
@STATE_DIR
@TIMEOUT
def command(generation: str | None, config: str | None, state_dir: str | None, timeout: float) -> int:
    """Run an earlier generation of CONFIG in every running `serve` of this user.

    HASH is the start of the generation's hash, of four characters at least; by default, the generation that
    ran before the current one. The files on disk stay as they are: the next reload or start uses them again.

    Prints the result of each process. The exit code is 0 if the generation runs in all of them, else 1.

    \b
    Examples:
      streamroute rollback
      streamroute rollback 3f2a
      streamroute rollback 3f2a /etc/shop/routes.yaml
    """
    from streamroute.ops.reload.control.messages import ROLLBACK, ControlRequest

    if generation is not None and not _HASH.fullmatch(generation):
        # A misspelt hash must not roll back to another generation: the state folder may be that of any path.
        if config is not None or not (exists(generation) or generation.endswith(_SUFFIXES)):
            raise click.UsageError(f'"{generation}" is not four or more hexadecimal digits of a hash')
        generation, config = None, generation
    return ask_and_print(config, state_dir, ControlRequest(ROLLBACK, generation or ""), timeout)
