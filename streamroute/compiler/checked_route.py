"""A checked route, and what its handler needs at run time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from streamroute.compiler.resolve.call_signature import HandlerCall
from streamroute.config.document import RouteConfig

if TYPE_CHECKING:
    from streamroute.core.tracing import Tracing


class CheckedRoute(NamedTuple):
    """A route with its handler's call; ``handler_call`` is None if the handler was not resolved.

    The type patterns of ``config`` are expanded.
    """

    config: RouteConfig
    handler_call: HandlerCall | None


class RuntimeContext(NamedTuple):
    """What an app provides to its routes; a dispatcher that the caller set up provides nothing.

    ``resources`` are the resources of built-in handlers, by name. ``validated``: messages with invalid data
    never reach a route. ``tracing`` wraps each handler (None: handlers are not traced).
    """

    resources: Mapping[str, Any] = MappingProxyType({})
    validated: bool = False
    tracing: Tracing | None = None
