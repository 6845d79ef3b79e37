"""Routes as the dispatcher runs them: a handler, its filter, and the key that its retries refer to."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final
from weakref import WeakKeyDictionary

from streamroute.core.recording.route_timing import RouteTiming
from streamroute.core.router import FilterFunc, HandlerFunc
from streamroute.durations import RetryPolicy
from streamroute.message import Message

TimingOf = Callable[[str], RouteTiming]
"""Returns the timing of a route, by its key."""

Start = Callable[[Message], Awaitable[None] | None]
"""Handles a new message: returns what is left to await, or None if nothing is."""


@dataclass(frozen=True, slots=True)
class HandlerSteps:
    """The two steps of a handler: most end in the first, which needs no timeout.

    ``begin_with`` takes the container, and returns a function that makes the coroutine of a payload, which is
    not started. ``wait`` takes such a coroutine and what it has yielded first: it awaits the rest.
    """

    begin_with: Callable[[Any], Callable[[Any], Coroutine[Any, Any, Any]]]
    wait: Callable[[Any, Any], Coroutine[Any, Any, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One handler of a message type; ``key`` is stable, since retries and dead letters contain it.

    ``formerly`` are its former keys, whose retries it also runs. ``policy`` is its own retry policy, if any.
    ``timing`` measures its runs, if they are measured. ``steps`` are those of its handler, if it has any.
    """

    key: str
    handler: HandlerFunc
    accepts: FilterFunc | None
    formerly: frozenset[str] = frozenset()
    policy: RetryPolicy | None = None
    timing: RouteTiming | None = None
    steps: HandlerSteps | None = None

    def is_named_in(self, names: frozenset[str]) -> bool:
        """Whether ``names`` contains its key or a former key."""
        return self.key in names or not self.formerly.isdisjoint(names)


def unique_routes(
    entries: Iterable[tuple[HandlerFunc, FilterFunc | None]], timing_of: TimingOf | None = None
) -> list[Route]:
    """Return the routes of one message type; the second with the same name gets the key ``name#2``.

    Handlers created by one factory share a name, and a retry must not run those that succeeded.
    ``timing_of`` returns the timing of a key.
    """
    counts: Counter[str] = Counter()
    routes = []
    for handler, accepts in entries:
        name = route_key(handler)
        counts[name] += 1
        key = name if counts[name] == 1 else f"{name}#{counts[name]}"
        run, policy = _run_and_policy(handler)
        parts = parts_of(handler)
        steps = None if parts is None else parts.steps
        timing = None if timing_of is None else timing_of(key)
        routes.append(Route(key, run, accepts, _former_names(handler), policy, timing, steps))
    return routes


@dataclass(frozen=True, slots=True)
class HandlerParts:
    """A compiled handler in parts: ``run`` raises failures as they are, and ``policy`` decides on them.

    A dispatcher runs ``run`` and applies ``policy``; the whole handler does both, for any other caller.
    ``steps`` are those of ``run``, for a dispatcher that takes the first one itself (None: it has none).
    """

    run: HandlerFunc
    policy: RetryPolicy
    steps: HandlerSteps | None = None


# Only a function that the compiler made is in here: an attribute could be copied or set by any code.
_PARTS: Final[WeakKeyDictionary[Any, HandlerParts]] = WeakKeyDictionary()


def set_parts(handler: HandlerFunc, parts: HandlerParts) -> None:
    """Declare a function as a compiled handler that consists of these parts."""
    _PARTS[handler] = parts


def parts_of(handler: HandlerFunc) -> HandlerParts | None:
    """Return the parts of a compiled handler, else None."""
    return _PARTS.get(handler) if type(handler) is FunctionType else None


def wrapped_handler(handler: HandlerFunc, wrap: Callable[[HandlerFunc], HandlerFunc]) -> HandlerFunc:
    """Wrap a compiled handler and its parts; the result is a compiled handler of the same route."""
    route = wrap(handler)
    vars(route)["route_key"] = route_key(handler)
    vars(route)["formerly"] = getattr(handler, "formerly", ())
    parts = parts_of(handler)
    if parts is not None:
        set_parts(route, HandlerParts(wrap(parts.run), parts.policy))
    return route


def _run_and_policy(handler: HandlerFunc) -> tuple[HandlerFunc, RetryPolicy | None]:
    """Return what to run, and the policy; that of the compiled handler inside, for a ``functools.wraps``."""
    parts = parts_of(handler)
    if parts is not None:
        return parts.run, parts.policy
    try:
        wrapped = parts_of(inspect.unwrap(handler))
    except BaseException:  # noqa: BLE001 - reading an attribute of a user's object may raise anything
        wrapped = None
    return handler, wrapped.policy if wrapped is not None else None


def route_key(handler: HandlerFunc) -> str:
    """Return the stable key of a handler's route: its ``route_key``, else its module and qualified name."""
    handler_type: Any = type(handler)
    declared = _text(handler, "route_key")
    if declared:
        return declared
    name = _text(handler, "__qualname__") or _text(handler_type, "__qualname__")
    return f"{_text(handler, '__module__') or _text(handler_type, '__module__')}.{name}"


def _former_names(handler: HandlerFunc) -> frozenset[str]:
    """Return the former names of the handler's route, if any."""
    try:
        stated = getattr(handler, "formerly", ())
    except BaseException:  # noqa: BLE001 - reading an attribute of a user's object may raise anything
        return frozenset()
    return frozenset(stated) if type(stated) is tuple and all(type(n) is str for n in stated) else frozenset()


def _text(owner: Any, name: str) -> str:
    """Return an attribute if it is a string, else an empty string."""
    try:
        value = getattr(owner, name, None)
    except BaseException:  # noqa: BLE001 - reading an attribute of a user's object may raise anything
        return ""
    return value if type(value) is str else ""
