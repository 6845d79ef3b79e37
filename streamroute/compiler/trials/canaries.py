"""Canaries: of two routes that do the same work, one takes a stable share of the messages.

A canary is asked first. It takes a message if its key is in the share and its filter accepts the message or
fails on it (the failure is the canary's: the message is dead-lettered for it). The route named in
``instead_of`` does not run for a message that the canary takes. It gets every other message as if there were
no canary, and its own filter decides: also those in the share that the canary's filter rejects, and those
without a key. If the filters differ, a message that only the canary accepts runs only inside the share.

The side is decided in the filters, once for each delivery of a new message, before the first handler runs.
A retry or a requeued dead letter names its route and stays on its side: only the route's own filter counts
for it, if any. So a changed percentage or a canary that was switched off neither loses nor doubles a retry;
those of a removed canary run where ``formerly`` takes its name over, or wait and are dead-lettered like
those of any removed route. Until all workers have the same percentage, the worker that reads a message
decides; it is still one of both routes. A message whose worker died is delivered again and decided again,
as everywhere at least once.

Both routes share their dedupe keys: a duplicate that falls on the other side is still a duplicate. Ordering
(``order_by``) is by message, before any route, so both sides keep the order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any

from streamroute.compiler.trials.share import Share
from streamroute.config.document import CanaryConfig, RouteConfig
from streamroute.core.router import FilterFunc
from streamroute.message import Message

CompileFilter = Callable[[RouteConfig], FilterFunc | None]


class Canary:
    """One canary on one stream; ``accepts`` is its own filter. A stopped one takes no new messages."""

    def __init__(
        self, name: str, instead_of: str, config: CanaryConfig, accepts: FilterFunc | None = None
    ) -> None:
        self.name = name
        self.instead_of = instead_of
        self.config = config
        self.accepts = accepts
        self.is_stopped = False
        self._share = Share(name, config.key, config.percent)

    def includes(self, payload: Mapping[str, Any]) -> bool:
        """Whether a message is in the share, while the canary is not stopped."""
        return not self.is_stopped and self._share.includes(payload)

    def takes(self, payload: dict[str, Any]) -> bool:
        """Whether a message is the canary's: it is in the share, and the filter accepts it or fails on it."""
        if not self.includes(payload):
            return False
        try:
            return self.accepts is None or self.accepts(payload)
        except BaseException:  # noqa: BLE001 - the canary's own evaluation reports it
            return True


class Canaries:
    """The canaries among the live routes of one stream, and the filters of both sides."""

    def __init__(self, routes: Iterable[RouteConfig], compile_filter: CompileFilter) -> None:
        live = {route.name: route for route in routes}
        self._compile = compile_filter
        self._routes = live
        self._canaries = {
            name: Canary(name, route.instead_of, route.canary, compile_filter(route))
            for name, route in live.items()
            if route.canary is not None and route.instead_of is not None
        }
        self._replacing = {canary.instead_of: canary for canary in self._canaries.values()}

    def filter_of(self, route: RouteConfig) -> FilterFunc | None:
        """Return the filter by which a route takes messages: its own, or that of its side."""
        canary = self._canaries.get(route.name)
        if canary is not None:
            return _canary_filter(canary)
        own, replacing = self._compile(route), self._replacing.get(route.name)
        return own if replacing is None else _remaining_filter(own, replacing)

    def dedupe_names(self, route: RouteConfig) -> tuple[str, ...]:
        """Return the names of the route on the other side, with which a route shares its dedupe keys."""
        canary = self._canaries.get(route.name) or self._replacing.get(route.name)
        if canary is None:
            return ()
        other = canary.instead_of if canary.name == route.name else canary.name
        partner = self._routes.get(other)
        return () if partner is None or partner.dedupe is None else (partner.name, *partner.formerly)


def canaries_in(filters: Iterable[FilterFunc | None]) -> tuple[Canary, ...]:
    """Return the canaries that decide in these filters, each once, in order."""
    found = (vars(accepts).get("canary") for accepts in filters if type(accepts) is FunctionType)
    return tuple(dict.fromkeys(canary for canary in found if isinstance(canary, Canary)))


def _canary_filter(canary: Canary) -> FilterFunc:
    own = canary.accepts

    def accepts(payload: dict[str, Any]) -> bool:
        if not _names_routes(payload) and not canary.includes(payload):
            return False
        return own is None or own(payload)

    vars(accepts)["canary"] = canary
    return _with_equalities(accepts, own)


def _remaining_filter(own: FilterFunc | None, canary: Canary) -> FilterFunc:
    def accepts(payload: dict[str, Any]) -> bool:
        if not _names_routes(payload) and canary.takes(payload):
            return False
        return own is None or own(payload)

    return _with_equalities(accepts, own)


def _names_routes(payload: Mapping[str, Any]) -> bool:
    """Whether the side is decided: the message is a retry or a requeued dead letter of certain routes."""
    return isinstance(payload, Message) and bool(payload.routes)


def _with_equalities(accepts: FilterFunc, own: FilterFunc | None) -> FilterFunc:
    """Keep the promise of the route's own filter, by which messages are looked up in an index."""
    vars(accepts)["equalities"] = getattr(own, "equalities", ())
    return accepts
