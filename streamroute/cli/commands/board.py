"""``streamroute board``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streamroute.cli.arguments.http import access_options, http_endpoint
from streamroute.cli.arguments.paths import ALLOW_OUTSIDE, PATH, config_path
from streamroute.cli.arguments.state_dir import STATE_DIR
from streamroute.cli.output.logging import set_up_logging

if TYPE_CHECKING:
    from streamroute.ops.metrics.server import Endpoint


@click.command(name="board")
@click.argument("configs", nargs=-1, type=PATH, metavar="[CONFIG]...")
@click.option(
    "--http",
    metavar="HOST:PORT",
    default="8080",
    show_default=True,
    callback=http_endpoint,
    help="Serve the board at this address; a bare port binds to 127.0.0.1.",
)
@access_options
@STATE_DIR
@ALLOW_OUTSIDE
@click.option("--no-embedded", is_flag=True, help="Do not use the embedded server.")
def command(
    configs: tuple[str, ...], http: Endpoint, state_dir: str | None, no_embedded: bool, **access: Any
) -> int:
    """Serve web pages that show the streams, routes and dead letters of one or more configurations.

    The pages are read from Redis: the router may run on another machine, or not at all. On an address of this
    machine everybody is a viewer, unless people sign in by --http-tokens, or a proxy names them.

    \b
    Examples:
      streamroute board
      streamroute board shop/routes.yaml billing/routes.yaml --http 127.0.0.1:9000
      streamroute board --http 0.0.0.0:8080 --http-tokens tokens --http-name board.example --http-admin
    """
    from streamroute.cli.arguments.config import load_or_exit
    from streamroute.cli.arguments.http import HttpOptions
    from streamroute.cli.commands.boards.run import serve_board
    from streamroute.cli.process.event_loop import run_until_exit
    from streamroute.ops.generations.state_folder import state_folder
    from streamroute.ops.generations.store import GenerationStore

    set_up_logging("text", "info")
    options = HttpOptions(http=http, **access)
    paths = [config_path(config) for config in configs or (None,)]
    policy = options.policy(state_folder(paths[0], state_dir).absolute())
    loaded = [load_or_exit(path, imports=False) for path in paths]
    stores = [GenerationStore(state_folder(path, state_dir).absolute(), path) for path in paths]
    return run_until_exit(serve_board(loaded, stores, options, policy, embedded=not no_embedded))
