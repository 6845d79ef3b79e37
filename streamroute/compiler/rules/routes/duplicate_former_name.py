"""A former name that two routes of one stream declare."""

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
    "SR207",
    "duplicate-former-name",
    Severity.ERROR,
    Stage.ROUTES,
    "Two routes of a stream have the same former name.",
    page="""\
A route takes over the retries, dead letters and dedupe keys of its former names, so a former name can belong
to only one route of a stream. If a route was split into two, choose one of them.

## Wrong

```yaml
- name: welcome-gold
  type: booking.confirmed
  filter: guest.tier == 'gold'
  handler: shop.handlers.welcome
  formerly: welcome
- name: welcome-others
  type: booking.confirmed
  filter: guest.tier != 'gold'
  handler: shop.handlers.welcome
  formerly: welcome
```

## Right

```yaml
- name: welcome-gold
  type: booking.confirmed
  filter: guest.tier == 'gold'
  handler: shop.handlers.welcome
- name: welcome-others
  type: booking.confirmed
  filter: guest.tier != 'gold'
  handler: shop.handlers.welcome
  formerly: welcome
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each former name that an earlier route of the stream declares."""
    current_by_former: dict[tuple[str, str], RouteConfig] = {}
    names = FormerNames(context.document.routes)
    for route, at, name in names:
        if names.owner_of(name, route) is not None:
            continue  # SR206
        keys = [(stream, name) for stream in route.streams]
        first = next((current_by_former[key] for key in keys if key in current_by_former), route)
        if first.name != route.name:  # reported as a duplicate route
            yield _finding(route, at, name, first)
        current_by_former.update((key, route) for key in keys if key not in current_by_former)


def _finding(route: RouteConfig, at: DataPath, name: str, first: RouteConfig) -> Finding:
    where = first.location.display_line(route.location.source, ("formerly",))
    message = f'duplicate former name "{name}": first used by route "{first.name}" on {where}'
    help_text = (
        "pending retries of a former name go to one route only; remove the name from one of the routes"
    )
    return route.location.finding(RULE, message, at=at, help=help_text)
