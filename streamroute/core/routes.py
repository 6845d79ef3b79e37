"""Routes as the dispatcher runs them: a handler, its filter, and the name that its retries go by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from streamroute.core.router import FilterFunc, HandlerFunc


@dataclass(frozen=True, slots=True)
class Route:
    """One handler of a message type; ``key`` outlives the process: it is in retries and dead letters."""

    key: str
    handler: HandlerFunc
    accepts: FilterFunc | None


def named(entries: Iterable[tuple[HandlerFunc, FilterFunc | None]]) -> list[Route]:
    """The routes of one message type; of two with the same name, the later one is ``name#2``.

    Handlers made by one factory share a name, and a retry must not run those that succeeded.
    """
    seen: Counter[str] = Counter()
    routes = []
    for handler, accepts in entries:
        name = route_key(handler)
        seen[name] += 1
        routes.append(Route(name if seen[name] == 1 else f"{name}#{seen[name]}", handler, accepts))
    return routes


def route_key(handler: HandlerFunc) -> str:
    """The stable name of a handler's route: its own ``route_key``, else where it is defined."""
    key = getattr(handler, "route_key", None)
    if isinstance(key, str):
        return key
    name = getattr(handler, "__qualname__", None) or type(handler).__qualname__
    return f"{getattr(handler, '__module__', None) or type(handler).__module__}.{name}"
