"""Names that filter dead letters: one that neither the configuration nor a letter knows is a mistake."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from streamroute.config.findings.suggestions import did_you_mean

if TYPE_CHECKING:
    from streamroute.config.document import Document
    from streamroute.ops.dead_letters.query import Office, Wanted


async def require_known(office: Office, document: Document, wanted: Wanted) -> None:
    """Raises click.UsageError for a route or a type that nothing is called by.

    The letters are asked only for names that the configuration does not hold.
    """
    from streamroute.ops.dead_letters.query import NO_ROUTE, UNREADABLE, Wanted

    routes = {name for route in document.routes for name in (route.name, *route.formerly)}
    types = {name for route in document.routes for name in route.types} | set(document.messages)
    new_routes = set(wanted.routes) - routes - {NO_ROUTE, UNREADABLE}
    new_types = set(wanted.types) - types
    if not new_routes and not new_types:
        return
    async for page in office.find(Wanted()):
        for letter in page.letters:
            routes |= letter.route_names
            types.add(letter.type)
    _require("route", new_routes - routes, routes)
    _require("type", new_types - types, types)


def _require(what: str, unknown: Iterable[str], known: Iterable[str]) -> None:
    for name in sorted(unknown):
        meant = did_you_mean(name, sorted(known))
        hint = f'; did you mean "{meant}"?' if meant else "; `streamroute dead list` shows what there is"
        raise click.UsageError(f'no {what} is called "{name}", and no dead letter is of one{hint}')
