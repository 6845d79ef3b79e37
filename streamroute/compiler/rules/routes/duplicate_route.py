"""Two routes with the same name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.document import RouteConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage

RULE: Final = Rule(
    "SR201",
    "duplicate-route",
    Severity.ERROR,
    Stage.ROUTES,
    "Two routes have the same name.",
    page="""\
Route names must be unique across all files, because metrics, retries and dead letters refer to them. After
renaming a route, add the old name to `formerly`.

## Wrong

```yaml
- name: welcome
  type: booking.confirmed
  handler: shop.handlers.welcome
- name: welcome
  type: booking.changed
  handler: shop.handlers.welcome
```

## Right

```yaml
- name: welcome
  type: booking.confirmed
  handler: shop.handlers.welcome
- name: welcome-again
  type: booking.changed
  handler: shop.handlers.welcome
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each route with the name of an earlier one."""
    first_of: dict[str, RouteConfig] = {}
    for route in context.document.routes:
        first = first_of.setdefault(route.name, route)
        if first is not route and "name" not in route.invalid_keys:
            yield _finding(route, first)


def _finding(route: RouteConfig, first: RouteConfig) -> Finding:
    where = first.location.display_line(route.location.source, ("name",))
    message = f'duplicate route "{route.name}": first declared on {where}'
    help_text = (
        "route names must be unique across all files, since metrics, retries and dead letters refer to them"
    )
    return route.location.finding(RULE, message, at=("name",), help=help_text)
