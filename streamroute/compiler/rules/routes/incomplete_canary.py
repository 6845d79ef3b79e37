"""A canary without a part that it needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.document import RouteConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage

RULE: Final = Rule(
    "SR222",
    "incomplete-canary",
    Severity.ERROR,
    Stage.ROUTES,
    "A canary lacks one of its parts.",
    page="""\
`canary` says which messages the route takes, and `instead_of` which route does not run for them and keeps all
others: one is useless without the other. `stop_at` needs a limit for dead letters (`dead`) or for retries
(`retry`), below 100%: more than all messages cannot fail.

## Wrong

```yaml
- name: welcome
  type: booking.confirmed
  handler: shop.handlers.welcome
- name: welcome-2
  type: booking.confirmed
  handler: shop.handlers.welcome
  canary: {percent: 5, key: guest.id, stop_at: {of: 100}}
```

## Right

```yaml
- name: welcome
  type: booking.confirmed
  handler: shop.handlers.welcome
- name: welcome-2
  type: booking.confirmed
  handler: shop.handlers.welcome
  canary: {percent: 5, key: guest.id, stop_at: {dead: 1%, of: 100}}
  instead_of: welcome
```
""",
)


_NO_LIMITS: Final = frozenset({None, 100.0})


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each missing part."""
    for route in context.document.routes:
        if route.canary is not None and route.instead_of is None:
            yield from _without_other_route(route)
        elif route.canary is None and route.instead_of is not None and "canary" not in route.invalid_keys:
            help_text = "add canary: {percent: 5, key: guest.id}, or remove it"
            message = '"instead_of" has no effect without "canary"'
            yield route.location.finding(RULE, message, at=("instead_of",), on="key", help=help_text)
        stop_at = None if route.canary is None else route.canary.stop_at
        if stop_at is not None and {stop_at.dead, stop_at.retry} <= _NO_LIMITS:
            limit = "limit" if {stop_at.dead, stop_at.retry} == {None} else "limit below 100%"
            message = f'"stop_at" has no {limit}, so it never stops the canary'
            help_text = "add dead: 1%, or retry: 5%"
            yield route.location.finding(RULE, message, at=("canary", "stop_at"), on="key", help=help_text)


def _without_other_route(route: RouteConfig) -> Iterator[Finding]:
    if "instead_of" in route.invalid_keys:
        return
    message = 'a "canary" needs "instead_of": the route that keeps all other messages'
    help_text = "add instead_of with the name of that route"
    yield route.location.finding(RULE, message, at=("canary",), on="key", help=help_text)
