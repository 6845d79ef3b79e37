"""A route test that expects a disabled route to run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.yaml.source import DataPath

if TYPE_CHECKING:
    from streamroute.config.document import RouteConfig
    from streamroute.config.route_tests import RouteTest

RULE: Final = Rule(
    "SR602",
    "disabled-route-in-test",
    Severity.WARNING,
    Stage.ROUTE_TESTS,
    "A test expects a route that is disabled or a shadow.",
    page="""\
The test expects a route that is disabled and matches no message, so the test always fails. The handler of a
shadow does not run either: list the shadows that match under `shadow`.

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
    """Yield a finding for each disabled route, and each shadow, that a test expects to run."""
    idle = {route.name: route for route in context.document.routes if not route.is_live}
    for test in context.tests:
        for key, names in (("routes", test.routes), ("dead_letter", test.dead_letter)):
            for index, name in enumerate(names):
                if name in idle:
                    yield _finding(test, idle[name], (key, index))


def _finding(test: RouteTest, route: RouteConfig, at: DataPath) -> Finding:
    if route.enabled:
        message, help_text = f'route "{route.name}" is a shadow and never runs', 'list it under "shadow"'
    else:
        message = f'route "{route.name}" is disabled and matches no message'
        help_text = "enable the route, or remove it from the test"
    return test.location.finding(RULE, message, at=at, help=help_text)
