"""A route test with contradictory expectations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage

RULE: Final = Rule(
    "SR605",
    "contradictory-test",
    Severity.ERROR,
    Stage.ROUTE_TESTS,
    "A test's expectations contradict each other.",
    page="""\
A route is listed in both `routes` and `dead_letter`, or has an expected `transform` but is not listed in
`routes`.

## Wrong

```yaml
version: 1
streams: {bot_events: }
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

```yaml routes.test.yaml
version: 1
tests:
  - name: a booking is welcomed
    message: {type: booking.confirmed}
    routes: [welcome]
    dead_letter: [welcome]
```

## Right

```yaml
version: 1
streams: {bot_events: }
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

```yaml routes.test.yaml
version: 1
tests:
  - name: a booking is welcomed
    message: {type: booking.confirmed}
    routes: [welcome]
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each route with contradictory expectations in a test."""
    for test in context.tests:
        for index, name in enumerate(test.dead_letter):
            if name in test.routes:
                message = f'route "{name}" is listed in both "routes" and "dead_letter"'
                yield test.location.finding(RULE, message, at=("dead_letter", index))
        for name in test.transform:
            if name not in test.routes:
                message = f'route "{name}" has a "transform" here, but is not listed in "routes"'
                yield test.location.finding(RULE, message, at=("transform", name), on="key")
