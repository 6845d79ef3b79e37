"""Streams that no route consumes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.resolve.references import is_built_in
from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage

RULE: Final = Rule(
    "SR211",
    "unused-stream",
    Severity.WARNING,
    Stage.CONFIGURATION,
    "A declared stream has no routes.",
    page="""\
No route reads from the stream, so `serve` does not consume it. A stream that a route forwards to is not
reported.

## Wrong

```yaml
version: 1
streams: {bot_events: , payments: }
routes:
  - {name: welcome, stream: bot_events, type: booking.confirmed, handler: shop.handlers.welcome}
```

## Right

```yaml
version: 1
streams: {bot_events: }
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each stream that no route consumes or forwards to.

    Disabled routes count. Nothing is reported for a configuration without any routes.
    """
    routes = context.document.routes
    if not routes or any("stream" in route.invalid_keys for route in routes):
        return
    used = {stream for route in routes for stream in route.streams}
    used |= {str(route.arguments.get("stream")) for route in routes if is_built_in(route.handler)}
    for name, stream in context.document.streams.items():
        if name not in used:
            message = f'stream "{name}" has no routes, so it is not consumed'
            yield stream.location.finding(RULE, message, on="key")
