"""A route that names an undeclared stream."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.document import RouteConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.text.suggestions import did_you_mean

RULE: Final = Rule(
    "SR202",
    "unknown-stream",
    Severity.ERROR,
    Stage.ROUTES,
    "A route names a stream that is not declared.",
    runs=True,
    page="""\
The route names a stream that is not declared under `streams:`, so it never receives a message. If the finding
is suppressed, the route receives nothing from that stream.

## Wrong

```yaml
- name: welcome
  stream: bot_event
  type: booking.confirmed
  handler: shop.handlers.welcome
```

## Right

```yaml
- name: welcome
  stream: bot_events
  type: booking.confirmed
  handler: shop.handlers.welcome
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each undeclared stream of a route."""
    streams = context.document.streams
    for route in context.document.routes:
        for index, name in enumerate(route.streams):
            if name not in streams:
                yield _finding(route, index, name, did_you_mean(name, streams))


def _finding(route: RouteConfig, index: int, name: str, suggestion: str | None) -> Finding:
    names = [part.strip() for part in re.split("[,;]", name)]
    advice = f"write [{', '.join(names)}]" if len(names) > 1 and not suggestion else None
    message = f'unknown stream "{name}"'
    return route.location.finding(RULE, message, at=("stream", index), suggestion=suggestion, help=advice)
