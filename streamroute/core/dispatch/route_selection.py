"""Route selection: which routes run for a message, a new one or a retry."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Final

from streamroute.core.dispatch.external_retries import is_scheduler_retry
from streamroute.core.dispatch.outcomes import (
    attempt_of,
    dead_letter,
    merge_unknown_routes,
    no_route,
    no_type,
    type_of,
)
from streamroute.core.dispatch.parking import without_parked
from streamroute.core.dispatch.route_registry import RouteRegistry
from streamroute.core.dispatch.routes import Route
from streamroute.core.dispatch.unknown_routes import outcome_of_unknown_route, outcome_of_unknown_type
from streamroute.core.observer import ObserverSwitch, Result
from streamroute.logs.coalescing import NEVER_COALESCED
from streamroute.message import Message
from streamroute.pauses import PauseGate
from streamroute.text.limits import NAME
from streamroute.text.truncation import clip
from streamroute.values import Outcome

log = logging.getLogger(__name__)

_FILTERED: Final = Result.FILTERED
_KNOWN_UNKNOWNS: Final = 1000  # number of unlisted types to remember, at most


class RouteSelection:
    """Selects routes of a registry; ``dead_letters_unknown``: a type that no route lists is a failure."""

    def __init__(
        self, registry: RouteRegistry, observe: ObserverSwitch, *, dead_letters_unknown: bool
    ) -> None:
        self._registry = registry
        self._tables = registry.tables
        self._observe = observe
        self._dead_letters_unknown = dead_letters_unknown
        self._unknown: set[str] = set()

    @property
    def acknowledged_types(self) -> AbstractSet[str]:
        """The types that were logged as unlisted, whose messages are acknowledged; it may grow."""
        return frozenset() if self._dead_letters_unknown else self._unknown

    def accepting(self, payload: dict[str, Any], failures: list[Outcome]) -> Sequence[Route] | None:
        """Return the routes that accept a new message; all filters run before the first handler.

        Return None for a retry or a message whose type no route lists; see ``fallback``.
        """
        if isinstance(payload, Message) and payload.routes:
            return None
        message_type = payload.get("type")
        if type(message_type) is not str:
            message_type = type_of(payload)
        if not message_type:
            return None
        table = self._tables.get(message_type)
        if table is None:
            table = self._registry.table_of(message_type)
        only = table.only
        if only is not None:
            return table.routes if self._accepts(only, payload, failures) else ()
        if not table.routes:
            return None
        candidates = table.routes if table.is_plain else table.candidates(payload)
        return [route for route in candidates if self._accepts(route, payload, failures)]

    async def fallback(
        self,
        payload: dict[str, Any],
        routes: Sequence[Route] | None,
        failures: list[Outcome],
        read: dict[str, Any],
        gate: PauseGate,
    ) -> Sequence[Route]:
        """Return those of a message's routes that are not paused; ``routes`` is None for a retry.

        ``read`` is the payload as it was read, of which a scheduler's retry is another one.
        """
        if routes is None:
            routes = await self._unlisted_routes(payload, failures, read)
        return without_parked(gate, payload, routes, failures)

    def _accepts(self, route: Route, payload: dict[str, Any], failures: list[Outcome]) -> bool:
        """Whether the route's filter accepts the payload; a filter that raises fails this route only."""
        accepts = route.accepts
        try:
            if accepts is None or accepts(payload):
                return True
            self._observe.target(payload, route.key, _FILTERED)
        except BaseException as error:  # noqa: BLE001 - a failure of this route alone
            failures.append(filter_failure(route, error, payload))
        return False

    async def _unlisted_routes(
        self, payload: dict[str, Any], failures: list[Outcome], read: dict[str, Any]
    ) -> Sequence[Route]:
        """Return the routes of a retry; none for an unlisted type, for which the outcome is recorded here."""
        message_type = type_of(payload)
        if not message_type:
            failures.append(no_type(payload))
        elif isinstance(payload, Message) and payload.routes:
            routes = await self._routes_of_retry(payload, payload.routes, failures)
            if is_scheduler_retry(payload, read):
                failures[:] = merge_unknown_routes(payload, failures)
            return routes
        elif (wait := await outcome_of_unknown_type(payload, message_type)) is not None:
            failures.append(wait)
        elif self._dead_letters_unknown:
            failures.append(no_route(message_type, payload))
        else:
            self._observe(payload, None, Result.UNKNOWN)
            self._warn_unknown(message_type)
        return ()

    async def _routes_of_retry(
        self, message: Message, names: frozenset[str], failures: list[Outcome]
    ) -> Sequence[Route]:
        """Return the routes that a retry names; record the outcomes of those unknown here.

        A name is looked up among the routes of the message's type, then among all routes: a route may have
        stopped listing the type since it accepted the message. Filters that accepted the message before are
        not evaluated again, since they may have changed.
        """
        of_type = self._registry.table_of(type_of(message)).routes
        routes = [route for route in of_type if route.is_named_in(names)]
        missing = frozenset(_unknown(names, routes))
        if missing:
            routes += self._registry.named(missing)
        failures.extend([await outcome_of_unknown_route(message, name) for name in _unknown(names, routes)])
        if message.accepted:
            return routes
        return [route for route in routes if self._accepts(route, message, failures)]

    def _warn_unknown(self, message_type: str) -> None:
        name = clip(message_type, NAME)
        if name in self._unknown or len(self._unknown) >= _KNOWN_UNKNOWNS:
            return
        self._unknown.add(name)
        template = "no route lists the type %r; its messages are acknowledged and counted"
        log.warning(template, name, extra=NEVER_COALESCED)


def filter_failure(route: Route, error: BaseException, payload: dict[str, Any]) -> Outcome:
    """Return the outcome of a route whose filter raised: it depends on the payload only, so do not retry."""
    letter = dead_letter(route.key, "the filter failed", error, attempt_of(payload))
    return replace(letter, accepted=False)


def _unknown(names: frozenset[str], routes: Sequence[Route]) -> list[str]:
    """Return the names that are neither a key nor a former key of the routes."""
    return sorted(names.difference(*((route.key, *route.formerly) for route in routes)))
