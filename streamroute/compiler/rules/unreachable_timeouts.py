"""Timeouts that nothing can reach, since another one always comes first."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from streamroute.compiler.checked_route import CheckedRoute
from streamroute.compiler.resolve.references import is_built_in
from streamroute.compiler.rules.ineffective_settings import written
from streamroute.config.findings.finding import Finding
from streamroute.durations import format_duration, parse_duration


def check_reach(routes: Iterable[CheckedRoute]) -> Iterator[Finding]:
    """Findings about routes whose built-in handler has a timeout of its own, as webhook has."""
    for route in routes:
        own = _own_timeout(route)
        if own is not None:
            yield from _compared(route, own)


def _own_timeout(route: CheckedRoute) -> float | None:
    """After how many seconds the handler itself gives up; None where it never does, or nobody knows."""
    if route.handler_call is None or not is_built_in(route.config.handler):
        return None
    parameter = inspect.signature(route.handler_call.function).parameters.get("timeout")
    if parameter is None:
        return None
    stated: Any = route.config.arguments.get("timeout", parameter.default)
    try:
        return parse_duration(stated)
    except (TypeError, ValueError):
        return None  # the handler's own check says so


def _compared(route: CheckedRoute, own: float) -> Iterator[Finding]:
    config = route.config
    first, whole = format_duration(own), format_duration(config.timeout)
    if own < config.timeout and "timeout" in written(config):
        message = f"no attempt gets {whole}: the handler itself gives up after {first}"
        help_text = 'that is its own "timeout", under with:'
        yield config.location.finding("SR216", message, at=("timeout",), help=help_text)
    elif own > config.timeout and "timeout" in config.arguments:
        message = f"no request gets {first}: the route's timeout ends the attempt after {whole}"
        help_text = "raise the timeout of the route"
        yield config.location.finding("SR216", message, at=("with", "timeout"), help=help_text)
