"""A former name that is the name of an existing route."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.rules.former_names import FormerNames
from streamroute.config.document import RouteConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.yaml.source import DataPath

RULE: Final = Rule(
    "SR206",
    "former-name-in-use",
    Severity.ERROR,
    Stage.ROUTES,
    "A route's former name is the name of an existing route.",
    page="""\
`formerly` lists the previous names of a route, which takes over their retries, dead letters and dedupe keys.
The current name of a route cannot be a former name of another, even if that route is disabled. The current
name of the route itself does not belong in the list either.

## Wrong

```yaml
- name: welcome-gold
  type: booking.confirmed
  filter: guest.tier == 'gold'
  handler: shop.handlers.welcome
  formerly: welcome
- name: welcome
  type: booking.confirmed
  handler: shop.handlers.welcome
```

## Right

```yaml
- name: welcome-gold
  type: booking.confirmed
  filter: guest.tier == 'gold'
  handler: shop.handlers.welcome
  formerly: welcome-vip
- name: welcome
  type: booking.confirmed
  handler: shop.handlers.welcome
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each former name that a route has today."""
    names = FormerNames(context.document.routes)
    for route, at, name in names:
        owner = names.owner_of(name, route)
        if owner is not None:
            yield _finding(route, at, owner)


def _finding(route: RouteConfig, at: DataPath, owner: RouteConfig) -> Finding:
    if owner is route:
        message = f'former name "{route.name}" is the current name of this route'
        return route.location.finding(
            RULE, message, at=at, help="list only the names that the route had before"
        )
    where = owner.location.display_line(route.location.source, ("name",))
    other = "another" if owner.enabled else "a disabled"
    message = f'former name "{owner.name}" is the name of {other} route, on {where}'
    help_text = f'remove "{owner.name}" from formerly'
    if not owner.enabled:
        help_text += ", or delete the disabled route"
    return route.location.finding(RULE, message, at=at, help=help_text)
