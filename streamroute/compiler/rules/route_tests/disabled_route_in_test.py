"""A route test that expects a disabled route to run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.yaml.source import DataPath

RULE: Final = Rule(
    "SR602",
    "disabled-route-in-test",
    Severity.WARNING,
    Stage.ROUTE_TESTS,
    "A test expects a route that is disabled.",
    page="""\
The test expects a route that is disabled and matches no message, so the test always fails.

## Wrong

```yaml
version: 1
streams: {bot_events: }
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome, enabled: false}
```

```yaml routes.test.yaml
version: 1
tests:
  - name: a booking is welcomed
    message: {type: booking.confirmed}
    routes: [welcome]
```

## Right

```yaml
version: 1
streams: {bot_events: }
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome, enabled: false}
```

```yaml routes.test.yaml
version: 1
tests:
  - name: a booking is left alone
    message: {type: booking.confirmed}
    routes: []
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each disabled route that a test lists."""
    disabled = {route.name for route in context.document.routes if not route.enabled}
    for test in context.tests:
        for key, names in (("routes", test.routes), ("dead_letter", test.dead_letter)):
            for index, name in enumerate(names):
                if name in disabled:
                    at: DataPath = (key, index)
                    help_text = "enable the route, or remove it from the test"
                    message = f'route "{name}" is disabled and matches no message'
                    yield test.location.finding(RULE, message, at=at, help=help_text)
