"""A route without a stream although several are declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage

RULE: Final = Rule(
    "SR203",
    "missing-stream",
    Severity.ERROR,
    Stage.ROUTES,
    "A route names no stream where several are declared.",
    runs=True,
    page="""\
If several streams are declared, a route must name the streams that it reads from. With a single stream, the
key is optional. If the finding is suppressed, the route matches no messages.

## Wrong

```yaml
version: 1
streams: {bot_events: , payments: }
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

## Right

```yaml
version: 1
streams: {bot_events: , payments: }
routes:
  - {name: welcome, stream: bot_events, type: booking.confirmed, handler: shop.handlers.welcome}
  - {name: thank, stream: payments, type: payment.settled, handler: shop.handlers.welcome}
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each route that names no stream."""
    for route in context.document.routes:
        if not route.streams and "stream" not in route.invalid_keys:
            names = ", ".join(f'"{name}"' for name in context.document.streams)
            subject = "a route" if "name" in route.invalid_keys else f'route "{route.name}"'
            message = f'missing key "stream" in {subject}: several streams are declared ({names})'
            yield route.location.finding(
                RULE, message, on="first-key", help="name the stream that the route reads from"
            )
