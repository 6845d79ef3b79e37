"""Timeouts that never fire, because another one is always shorter."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

from streamroute.compiler.checked_route import CheckedRoute
from streamroute.compiler.resolve.references import is_built_in
from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.durations import format_duration, parse_duration

RULE: Final = Rule(
    "SR216",
    "unreachable-timeout",
    Severity.WARNING,
    Stage.CONFIGURATION,
    "A timeout has no effect because another one is shorter.",
    page="""\
The built-in webhook has its own request timeout under `with:` (10s by default). Only the shorter of it and
the timeout of the route has an effect.

## Wrong

```yaml
version: 1
streams: {bot_events: }
routes:
  - name: tell
    type: booking.confirmed
    handler: streamroute.handlers.webhook
    with: {url: https://example.com/hook, timeout: 10s}
    timeout: 25s
```

## Right

```yaml
version: 1
streams: {bot_events: }
routes:
  - name: tell
    type: booking.confirmed
    handler: streamroute.handlers.webhook
    with: {url: https://example.com/hook, timeout: 10s}
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each route with an ineffective timeout: its own, or its built-in handler's."""
    for route in context.routes:
        handler_timeout = _handler_timeout(route)
        if handler_timeout is not None:
            yield from _compared(route, handler_timeout)


def _handler_timeout(route: CheckedRoute) -> float | None:
    """The built-in handler's own timeout in seconds; None if it has none, or it is unknown."""
    if route.handler_call is None or not is_built_in(route.config.handler):
        return None
    parameter = inspect.signature(route.handler_call.function).parameters.get("timeout")
    if parameter is None:
        return None
    seconds: Any = route.config.arguments.get("timeout", parameter.default)
    try:
        return parse_duration(seconds)
    except (TypeError, ValueError):
        return None  # the handler's own check reports it


def _compared(route: CheckedRoute, handler_timeout: float) -> Iterator[Finding]:
    config = route.config
    shorter, route_timeout = format_duration(handler_timeout), format_duration(config.timeout)
    if handler_timeout < config.timeout and "timeout" in config.written_settings:
        message = f'"timeout" ({route_timeout}) is never reached: the handler times out after {shorter}'
        help_text = 'the handler has its own "timeout" under with:'
        yield config.location.finding(RULE, message, at=("timeout",), help=help_text)
    elif handler_timeout > config.timeout and "timeout" in config.arguments:
        message = f'"timeout" ({shorter}) is never reached: the route times out after {route_timeout}'
        help_text = 'raise the "timeout" of the route'
        yield config.location.finding(RULE, message, at=("with", "timeout"), help=help_text)
