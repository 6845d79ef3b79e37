"""A checked route, and what its handler needs at run time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from streamroute.compiler.resolve.call_signature import HandlerCall
from streamroute.config.document import RouteConfig


class CheckedRoute(NamedTuple):
    """A route and how its handler is called; ``handler_call`` is None where that is not known.

    The types of ``config`` are expanded: no pattern is left among them.
    """

    config: RouteConfig
    handler_call: HandlerCall | None


class RuntimeContext(NamedTuple):
    """What an app provides to its routes; a dispatcher that the caller set up does not.

    ``resources`` are what built-in handlers need, by name. ``validated`` says that a message with
    invalid data never reaches a route.
    """

    resources: Mapping[str, Any] = MappingProxyType({})
    validated: bool = False
