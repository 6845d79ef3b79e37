"""Refuses a misspelt route or type: one that neither the configuration nor a dead letter has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from streamroute.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from streamroute.config.document import Document
    from streamroute.ops.dead_letters.filter import DeadLetterFilter
    from streamroute.ops.dead_letters.groups import GroupReport
    from streamroute.ops.dead_letters.query import DeadLetterQuery


async def require_known_names(query: DeadLetterQuery, document: Document, criteria: DeadLetterFilter) -> None:
    """Raise click.UsageError for a route or a type that does not exist.

    Reads the letters only for names that are not in the configuration.
    """
    from streamroute.ops.dead_letters.filter import DeadLetterFilter
    from streamroute.ops.dead_letters.letter import NO_ROUTE, UNREADABLE

    routes = {name for route in document.routes for name in (route.name, *route.formerly)}
    types = {name for route in document.routes for name in route.types} | set(document.messages)
    new_routes = set(criteria.routes) - routes - {NO_ROUTE, UNREADABLE}
    new_types = set(criteria.types) - types
    if not new_routes and not new_types:
        return
    async for page in query.find(DeadLetterFilter()):
        for letter in page.letters:
            routes |= letter.route_names
            types.add(letter.type)
    _refuse_unknown("route", new_routes - routes, routes)
    _refuse_unknown("type", new_types - types, types)


def require_known_groups(report: GroupReport, signatures: Iterable[str]) -> None:
    """Raise click.UsageError for a signature that no group of failures has."""
    known = {row.group.signature for row in report.groups}
    for signature in signatures:
        if signature not in known:
            longer = [one for one in sorted(known) if signature and one.startswith(signature)]
            hint = f'; did you mean "{longer[0]}"?' if longer else "; `streamroute dead groups` shows them"
            raise click.UsageError(f'unknown group "{signature}": no dead letter has it{hint}')


def route_named(document: Document, name: str) -> str:
    """Return the current name of the route with this name, or with this former name.

    Raises click.UsageError if the configuration has neither.
    """
    current = {old: route.name for route in document.routes for old in route.formerly}
    current |= {route.name: route.name for route in document.routes}
    if name in current:
        return current[name]
    suggestion = did_you_mean(name, sorted(current))
    hint = f'; did you mean "{suggestion}"?' if suggestion else "; `streamroute routes` lists the routes"
    raise click.UsageError(f'unknown route "{name}": the configuration does not have it{hint}')


def _refuse_unknown(kind: str, unknown: Iterable[str], known: Iterable[str]) -> None:
    for name in sorted(unknown):
        suggestion = did_you_mean(name, sorted(known))
        hint = f'; did you mean "{suggestion}"?' if suggestion else "; `streamroute dead list` lists them"
        raise click.UsageError(
            f'unknown {kind} "{name}": neither the configuration nor a dead letter has it{hint}'
        )
