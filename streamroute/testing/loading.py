"""Loads the configuration of a test app, and replaces handlers of its routes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamroute.compiler.checked_route import CheckedRoute
from streamroute.compiler.compiled import Compiled
from streamroute.compiler.pipeline import check_path
from streamroute.compiler.resolve.call_signature import HandlerCall, handler_call
from streamroute.config.findings.config_error import config_error
from streamroute.config.findings.finding import has_errors
from streamroute.errors import SetupError
from streamroute.text.suggestions import suggestion_hint


def load_compiled(
    path: str | Path, *, env: Mapping[str, str] | None = None, allow_outside: bool = False
) -> Compiled:
    """Compile a configuration, with its handlers. Raises ConfigError if one of the findings is an error.

    A variable in the address of Redis may be unset: no server is needed.
    """
    result = check_path(path, env=env, outside=allow_outside, needs_server=False)
    if has_errors(result.findings) or result.compiled is None:
        raise config_error(path, result.findings)
    return result.compiled


def with_handlers(compiled: Compiled, handlers: Mapping[str, Callable[..., Any]]) -> Compiled:
    """Return the configuration with other handlers, by route.

    A replacement is called as a handler of the route would be. Raises SetupError if there is no such route,
    or a replacement does not fit its route.
    """
    for name in handlers:
        require_route(compiled, name)
    routes = (
        _replaced(route, handlers[route.config.name]) if route.config.name in handlers else route
        for route in compiled.routes
    )
    return replace(compiled, routes=tuple(routes))


def require_route(compiled: Compiled, name: str) -> None:
    """Raise SetupError unless the configuration has a route with this name."""
    names = {route.config.name for route in compiled.routes}
    if name not in names:
        raise SetupError(f'there is no route "{name}"{suggestion_hint(name, names)}')


def _replaced(route: CheckedRoute, handler: Callable[..., Any]) -> CheckedRoute:
    name = route.config.name
    call = handler_call(handler, f"the replacement of {name}", route.config.arguments)
    if not isinstance(call, HandlerCall):
        problems = "; ".join(problem.problem.message for problem in call)
        raise SetupError(f"the handler of {name} cannot be replaced: {problems}")
    # An AsyncMock is no coroutine function by its class.
    is_async = call.is_async or inspect.iscoroutinefunction(handler)
    return route._replace(handler_call=call._replace(is_async=is_async))
