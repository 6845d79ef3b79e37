"""``streamroute board``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from streamroute.cli.arguments.http import access_options, http_endpoint
from streamroute.cli.arguments.path_options import ALLOW_OUTSIDE, PATH
from streamroute.cli.arguments.paths import config_path
from streamroute.cli.arguments.state_dir import STATE_DIR
from streamroute.cli.commands.serving.router_link import LISTENER_OPTION, METRICS_OPTION
from streamroute.cli.output.logging import set_up_logging
from streamroute.cli.process.workers import open_descriptor_option

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
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Log format on stderr.",
)
@click.option(LISTENER_OPTION, "listener", hidden=True, type=int, callback=open_descriptor_option)
@click.option(METRICS_OPTION, "metrics", hidden=True, type=int)
def command(
    configs: tuple[str, ...],
    http: Endpoint,
    state_dir: str | None,
    no_embedded: bool,
    log_format: str,
    listener: int | None,
    metrics: int | None,
    **access: Any,
) -> int:
    """Serve web pages that show the streams, routes and dead letters of one or more configurations.

    The pages are read from Redis: the router may run on another machine, or not at all. On an address of this
    machine everybody is a viewer, unless people sign in by --http-tokens, or a proxy names them.

    \b
    Examples:
      streamroute board
      streamroute board shop/routes.yaml billing/routes.yaml --http 127.0.0.1:9000
      streamroute board --http 0.0.0.0:8080 --http-tokens tokens \\
        --http-name board.example
    """
    from streamroute.cli.arguments.config import load_or_exit
    from streamroute.cli.arguments.http import HttpOptions
    from streamroute.cli.commands.boards.linked import RouterLink, serve_linked_board
    from streamroute.cli.commands.boards.run import serve_board
    from streamroute.cli.process.event_loop import run_until_exit
    from streamroute.ops.generations.state_folder import state_folder
    from streamroute.ops.generations.store import GenerationStore

    set_up_logging(log_format, "info")
    options = HttpOptions(http=http, **access)
    paths = [config_path(config) for config in configs or (None,)]
    policy = options.policy(state_folder(paths[0], state_dir).absolute())
    if listener is not None and metrics is not None:
        store = GenerationStore(state_folder(paths[0], state_dir).absolute(), paths[0])
        link = RouterLink(listener, metrics)
        return run_until_exit(serve_linked_board(link, store, options, policy, embedded=not no_embedded))
    loaded = [load_or_exit(path, imports=False) for path in paths]
    stores = [GenerationStore(state_folder(path, state_dir).absolute(), path) for path in paths]
    return run_until_exit(serve_board(loaded, stores, options, policy, embedded=not no_embedded))
