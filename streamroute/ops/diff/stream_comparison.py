"""Compares what two configurations do with the events of one stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from streamroute.config.document import RouteConfig
from streamroute.ops.diff.changes import Change, EventChanges, RouteDiff
from streamroute.ops.diff.examples import EventVersions, Examples
from streamroute.ops.diff.route_comparison import Compared, Handling, RouteComparison
from streamroute.ops.diff.side import Arrival, Side

_ABSENT: Final = Arrival(None, "", {})
"""What a configuration without the stream receives."""


class _Plan(NamedTuple):
    """How events of one type are compared.

    ``routes`` are those that take them in either configuration; ``work`` those that may handle them
    differently. ``same_refusal``: both configurations dead-letter the same events as a whole.
    """

    routes: list[tuple[RouteDiff, RouteComparison]]
    work: list[tuple[RouteDiff, RouteComparison]]
    same_refusal: bool


class StreamComparison:
    """Compares the events of one stream (None: of any), and counts the differences in ``routes``.

    ``events`` counts the events that only one of the configurations dead-letters as a whole.
    """

    def __init__(
        self, old: Side, new: Side, routes: Sequence[RouteDiff], events: EventChanges, examples: Examples
    ) -> None:
        self._old, self._new = old, new
        self._events = events
        self._examples = examples
        self._is_in_both = old.exists and new.exists
        self._same_codec = not self._is_in_both or _codec_name(old) == _codec_name(new)
        self._by_type = _routes_by_type(routes)
        self._plans: dict[tuple[str, str], _Plan] = {}
        self._of_unlisted = self._new_plan("", "", [])

    def add_entry(self, label: str, parts: list[bytes]) -> None:
        """Compare an entry: alternating names and values."""
        self._add(label, *self._arrivals(lambda side: side.receive(parts)))

    def add_event(self, label: str, event: Mapping[str, Any]) -> None:
        """Compare an event that would be published; raises EncodeError if it cannot be an entry."""
        self._add(label, *self._arrivals(lambda side: side.publish(event)))

    def _arrivals(self, receive: Callable[[Side], Arrival]) -> tuple[Arrival, Arrival]:
        """Decode an event for both configurations: once, if they have the same codec."""
        if self._is_in_both and self._same_codec:
            return (arrival := receive(self._old)), arrival
        old = receive(self._old) if self._old.exists else _ABSENT
        return old, receive(self._new) if self._new.exists else _ABSENT

    def _add(self, label: str, old: Arrival, new: Arrival) -> None:
        old_type = old.type
        plan = self._plan(old_type, old_type if new is old else new.type)
        if plan.same_refusal and not plan.work:
            return
        refusals = self._refusals(plan, old, new)
        if all(refusals):
            return
        event = EventVersions(label, self._old.stream, old, new, refusals)
        if any(refusals):
            self._count_refusal(event, Change.FAILS if refusals[1] else Change.RECOVERS)
        before, after = None if refusals[0] else old.payload, None if refusals[1] else new.payload
        for route, comparison in plan.routes if any(refusals) else plan.work:
            compared = comparison.compare(before, after)
            if compared.change is not None:
                self._count(route, compared.change, compared, event)

    def _count(self, route: RouteDiff, change: Change, compared: Compared, event: EventVersions) -> None:
        route.events.counts[change] += 1
        for cause in compared.causes:
            route.events.causes[cause] += 1
        if compared.depends_on_event and self._examples.wants(route.events, change):
            versions = (
                self._old.trials.with_partner(route.pair.old),
                self._new.trials.with_partner(route.pair.new),
            )
            self._examples.add_route(route.events, versions, event, compared)

    def _count_refusal(self, event: EventVersions, change: Change) -> None:
        self._events.counts[change] += 1
        if self._examples.wants(self._events, change):
            self._examples.add_stream(self._events, event, change)

    def _refusals(self, plan: _Plan, old: Arrival, new: Arrival) -> tuple[str, str]:
        """Return why each configuration dead-letters an event as a whole; empty if it does not."""
        before = self._old.refusal(old) if self._old.exists else ""
        if plan.same_refusal:
            return before, before
        return before, self._new.refusal(new) if self._new.exists else ""

    def _plan(self, old_type: str, new_type: str) -> _Plan:
        key = (old_type, new_type)
        plan = self._plans.get(key)
        if plan is None:
            routes = {route.name: route for name in key for route in self._by_type.get(name, ())}
            if not routes:
                return self._of_unlisted  # not kept: there may be any number of such types
            plan = self._plans[key] = self._new_plan(old_type, new_type, list(routes.values()))
        return plan

    def _new_plan(self, old_type: str, new_type: str, routes: Sequence[RouteDiff]) -> _Plan:
        compared = []
        for route in routes:
            old = _handling(self._old, route.pair.old, old_type)
            new = _handling(self._new, route.pair.new, new_type)
            if old is not None or new is not None:
                certain = tuple(change.setting for change in route.settings if change.certain)
                comparison = RouteComparison(old, new, certain, same_codec=self._same_codec)
                compared.append((route, comparison))
        work = [(route, comparison) for route, comparison in compared if comparison.may_differ]
        return _Plan(compared, work, self._has_same_refusal(old_type))

    def _has_same_refusal(self, message_type: str) -> bool:
        """Whether both configurations dead-letter the same events of a type as a whole."""
        old, new = self._old, self._new
        if not self._is_in_both or not self._same_codec or old.lists(message_type) != new.lists(message_type):
            return False
        if not old.lists(message_type):
            return old.refusal_of_unlisted == new.refusal_of_unlisted
        before, after = old.schema(message_type), new.schema(message_type)
        if before is None or after is None:
            return before is after
        return (before.dialect, repr(before.root)) == (after.dialect, repr(after.root))


def _codec_name(side: Side) -> str | None:
    return None if side.settings is None else side.settings.codec


def _routes_by_type(routes: Sequence[RouteDiff]) -> dict[str, list[RouteDiff]]:
    """The routes that list each type in either configuration."""
    found: dict[str, list[RouteDiff]] = defaultdict(list)
    for route in routes:
        versions = (version for version in route.pair if version is not None)
        for name in dict.fromkeys(name for version in versions for name in version.types):
            found[name].append(route)
    return dict(found)


def _handling(side: Side, route: RouteConfig | None, message_type: str) -> Handling | None:
    """What a route does with events of a type; None if they do not reach its filter."""
    if route is None or not side.takes(route, message_type):
        return None
    return Handling(route, side.settings, side.trials)
