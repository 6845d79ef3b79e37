"""The routes of a configuration as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from streamroute.cli.output.layout import OutputLayout
from streamroute.cli.output.route_location import place_of
from streamroute.cli.output.table import table
from streamroute.cli.output.tables.column import NOTHING, Cell, Column, Fit, Painted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamroute.config.document import RouteConfig

_COLUMNS: Final = (
    Column("route", Fit.NAME),
    Column("stream", Fit.NAME, rank=4),
    Column("type", Fit.NAME),
    Column("filter", Fit.TEXT, rank=3),
    Column("handler", Fit.NAME, rank=1),
    Column("enabled", Fit.NAME, rank=2),
    Column("place", Fit.PATH, rank=5),
)


def route_table(routes: Sequence[RouteConfig], layout: OutputLayout) -> str:
    """Return a row for each route, in order of evaluation."""
    return table(_COLUMNS, [_row(route) for route in routes], layout)


def _row(route: RouteConfig) -> list[Cell]:
    return [
        Painted(route.name, _color(route)),
        ", ".join(route.streams),
        ", ".join(route.types),
        " ".join((route.filter or "").split()) or NOTHING,
        route.handler,
        Painted(_enabled(route), _color(route)),
        place_of(route),
    ]


def _enabled(route: RouteConfig) -> str:
    """Return whether the route runs: for a shadow or a canary, how."""
    if not route.enabled:
        return "no"
    if route.shadow:
        return "shadow"
    return "yes" if route.canary is None else f"{route.canary.percent:g}% of {route.instead_of}"


def _color(route: RouteConfig) -> str:
    if not route.enabled:
        return "yellow"
    return "cyan" if route.shadow or route.canary is not None else "green"
