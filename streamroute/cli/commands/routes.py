"""``streamroute routes``."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from streamroute.cli.arguments.path_options import ALLOW_OUTSIDE, PATH
from streamroute.cli.arguments.paths import config_path
from streamroute.cli.output.streams import echo, write_document
from streamroute.cli.process.exit_codes import ExitCode
from streamroute.text.json_text import as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamroute.cli.arguments.config import UsableConfig
    from streamroute.config.document import RouteConfig


@click.command(name="routes")
@click.argument("config", required=False, type=PATH)
@ALLOW_OUTSIDE
@click.option("--stream", metavar="NAME", help="Only routes of this stream.")
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--graph", type=click.Choice(["mermaid", "dot", "svg"]), help="Print a graph of the routes.")
def command(config: str | None, stream: str | None, output_format: str, graph: str | None) -> int:
    """List the routes of CONFIG, or of routes.yaml in the working folder, in order of evaluation.

    \b
    Draw streams, types, filters and handlers:
      streamroute routes --graph svg > routes.svg
    """
    from streamroute.cli.arguments.config import check_or_exit
    from streamroute.cli.process.time_limit import SECONDS, time_limit
    from streamroute.config.root_file import find_root

    root, for_people = find_root(config_path(config)), output_format == "text" and graph is None
    with time_limit(SECONDS, root, "full" if for_people else None):
        loaded = check_or_exit(root, for_people=for_people)
        text = _render(loaded, stream, output_format, graph)
    if for_people:
        echo(text)
    else:
        write_document(text)
    return ExitCode.OK


def _render(loaded: UsableConfig, stream: str | None, output_format: str, graph: str | None) -> str:
    from streamroute.ops.route_object import route_object

    routes = _routes(loaded, stream)
    if graph is not None:
        return _drawn(graph, [stream] if stream else list(loaded.document.streams), routes)
    return (
        as_json([route_object(route) for route in routes]) + "\n"
        if output_format == "json"
        else _table(routes)
    )


def _routes(loaded: UsableConfig, stream: str | None) -> list[RouteConfig]:
    from streamroute.cli.arguments.stream_argument import stream_named

    if stream is None:
        return loaded.routes
    stream_named(loaded.document.streams, stream)
    return [route for route in loaded.routes if stream in route.streams]


def _drawn(kind: str, streams: Sequence[str], routes: Sequence[RouteConfig]) -> str:
    from streamroute.ops.route_graph.graph import graph_of

    drawing: str = import_module(f"streamroute.cli.output.graphs.{kind}").render(graph_of(streams, routes))
    return drawing


def _table(routes: Sequence[RouteConfig]) -> str:
    from streamroute.cli.output.layout import OutputLayout
    from streamroute.cli.output.route_table import route_table

    return route_table(routes, OutputLayout.of(sys.stdout))
