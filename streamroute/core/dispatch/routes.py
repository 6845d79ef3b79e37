"""Routes as the dispatcher runs them: a handler, its filter, and the key that its retries refer to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from streamroute.core.router import FilterFunc, HandlerFunc


@dataclass(frozen=True, slots=True)
class Route:
    """One handler of a message type; ``key`` is stable, since retries and dead letters contain it.

    ``formerly`` are its former keys, whose retries it also runs.
    """

    key: str
    handler: HandlerFunc
    accepts: FilterFunc | None
    formerly: frozenset[str] = frozenset()

    def is_named_in(self, names: frozenset[str]) -> bool:
        """Whether ``names`` contains its key or a former key."""
        return self.key in names or not self.formerly.isdisjoint(names)


def unique_routes(entries: Iterable[tuple[HandlerFunc, FilterFunc | None]]) -> list[Route]:
    """Return the routes of one message type; the second with the same name gets the key ``name#2``.

    Handlers created by one factory share a name, and a retry must not run those that succeeded.
    """
    counts: Counter[str] = Counter()
    routes = []
    for handler, accepts in entries:
        name = route_key(handler)
        counts[name] += 1
        key = name if counts[name] == 1 else f"{name}#{counts[name]}"
        routes.append(Route(key, handler, accepts, _former_names(handler)))
    return routes


def route_key(handler: HandlerFunc) -> str:
    """Return the stable key of a handler's route: its ``route_key``, else its module and qualified name."""
    handler_type: Any = type(handler)
    declared = _text(handler, "route_key")
    if declared:
        return declared
    name = _text(handler, "__qualname__") or _text(handler_type, "__qualname__")
    return f"{_text(handler, '__module__') or _text(handler_type, '__module__')}.{name}"


def has_policy(handler: HandlerFunc) -> bool:
    """Whether the handler has a ``route_key``, and so applies its own retry policy."""
    return bool(_text(handler, "route_key"))


def _former_names(handler: HandlerFunc) -> frozenset[str]:
    """Return the former names of the handler's route, if any."""
    try:
        stated = getattr(handler, "formerly", ())
    except BaseException:  # noqa: BLE001 - an object of the user's may answer to any name with anything
        return frozenset()
    return frozenset(stated) if type(stated) is tuple and all(type(n) is str for n in stated) else frozenset()


def _text(owner: Any, name: str) -> str:
    """Return an attribute if it is a string, else an empty string."""
    try:
        value = getattr(owner, name, None)
    except BaseException:  # noqa: BLE001 - an object of the user's may answer to any name with anything
        return ""
    return value if type(value) is str else ""
