"""``streamroute reload``."""

from __future__ import annotations

import click

from streamroute.cli.arguments.path_options import PATH
from streamroute.cli.arguments.state_dir import STATE_DIR
from streamroute.cli.commands.controlling.ask import TIMEOUT, ask_and_print


@click.command(name="reload")
@click.argument("config", required=False, type=PATH)
@STATE_DIR
@TIMEOUT
def command(config: str | None, state_dir: str | None, timeout: float) -> int:
    """Reload CONFIG in every running `serve` of this user.

    Prints the result of each. The exit code is 0 if CONFIG, as it is now, runs in all of them, else 1. A
    configuration that has errors is not used: the findings are printed, and the earlier one keeps running.

    \b
    Examples:
      streamroute reload
      streamroute reload /etc/shop/routes.yaml
    """
    from streamroute.ops.reload.control.messages import RELOAD, ControlRequest

    return ask_and_print(config, state_dir, ControlRequest(RELOAD), timeout)
