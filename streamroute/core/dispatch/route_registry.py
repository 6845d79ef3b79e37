"""Route registry: the routes of all included routers, by message type and by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from streamroute.core.dispatch.route_table import RouteTable
from streamroute.core.dispatch.routes import Route, Start, TimingOf, unique_routes
from streamroute.core.router import FilterFunc, HandlerFunc, RedisRouter
from streamroute.values import KnownRoutes

_NO_ROUTES: Final = RouteTable(())
_Handlers = Mapping[str, list[tuple[HandlerFunc, FilterFunc | None]]]


class RouteRegistry:
    """The routes of a dispatcher, in the order of registration, which is possible at any time.

    ``tables`` holds the tables known to be up to date, by message type. It stays empty if a router has no
    ``watch`` method: then ``table_of`` counts the handlers on each call. ``plans`` holds what the dispatcher
    has made of these tables; a plan is dropped with its table. ``timing_of`` returns what measures
    the runs of a route. ``version`` changes with each change of the routes; None if changes are not noticed.
    """

    def __init__(self, timing_of: TimingOf | None = None) -> None:
        self._timing_of = timing_of
        self.tables: dict[str, RouteTable] = {}
        self.plans: dict[str, Start] = {}
        self._built: dict[str, RouteTable] = {}
        self._handlers: list[_Handlers] = []
        self._by_name: dict[str, Route] | None = None
        self._is_watched = True
        self._version = 0

    def include(self, router: RedisRouter) -> None:
        """Add a router's handlers, including those registered on it later."""
        self._handlers.append(router.handlers)
        self.tables.clear()
        self.plans.clear()
        self._built.clear()
        self._by_name = None
        self._version += 1
        watch = getattr(router, "watch", None)
        if watch is None:
            self._is_watched = False
        else:
            watch(self._forget)

    @property
    def version(self) -> int | None:
        """See the class."""
        return self._version if self._is_watched else None

    def table_of(self, message_type: str) -> RouteTable:
        """Return the routes of a type; an empty table if there are none."""
        table = self._built.get(message_type, _NO_ROUTES)
        if len(table.routes) != sum(len(handlers.get(message_type, ())) for handlers in self._handlers):
            entries = (entry for handlers in self._handlers for entry in handlers.get(message_type, ()))
            table = self._built[message_type] = RouteTable(unique_routes(entries, self._timing_of))
        if self._is_watched and table.routes:
            self.tables[message_type] = table
        return table

    def named(self, names: Iterable[str]) -> Iterable[Route]:
        """Return the routes whose name or former name is one of these, each once."""
        if self._by_name is None or not self._is_watched:
            self._by_name = {
                name: route
                for route in self._all_routes(self._timing_of)
                for name in (*route.formerly, route.key)
            }
        found = (self._by_name[name] for name in sorted(names) if name in self._by_name)
        return {route.key: route for route in found}.values()

    def known(self) -> KnownRoutes:
        """Return the names of all routes, former ones included, and their types; callable from any thread."""
        names = (name for route in self._all_routes() for name in (route.key, *route.formerly))
        tables = [dict(handlers) for handlers in self._handlers]
        return KnownRoutes(
            frozenset(names), frozenset(message_type for table in tables for message_type in table)
        )

    def _all_routes(self, timing_of: TimingOf | None = None) -> Iterable[Route]:
        """Yield the routes of every type; callable from any thread."""
        tables = [dict(handlers) for handlers in self._handlers]
        for message_type in {message_type for table in tables for message_type in table}:
            entries = (entry for table in tables for entry in table.get(message_type, ()))
            yield from unique_routes(entries, timing_of)

    def _forget(self, message_type: str) -> None:
        self.tables.pop(message_type, None)
        self.plans.pop(message_type, None)
        self._built.pop(message_type, None)
        self._by_name = None
        self._version += 1
