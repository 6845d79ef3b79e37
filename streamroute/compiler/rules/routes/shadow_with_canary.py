"""A route that is both a shadow and a canary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage

RULE: Final = Rule(
    "SR224",
    "shadow-with-canary",
    Severity.ERROR,
    Stage.ROUTES,
    "A route is both a shadow and a canary.",
    page="""\
A shadow only watches, while a canary takes messages from another route. A route cannot do both: start as a
shadow, then become a canary.

## Wrong

```yaml
- name: welcome
  type: booking.confirmed
  handler: shop.handlers.welcome
- name: welcome-2
  type: booking.confirmed
  handler: shop.handlers.welcome
  shadow: true
  canary: {percent: 5, key: guest.id}
  instead_of: welcome
```

## Right

```yaml
- name: welcome
  type: booking.confirmed
  handler: shop.handlers.welcome
- name: welcome-2
  type: booking.confirmed
  handler: shop.handlers.welcome
  shadow: true
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each route that is both."""
    for route in context.document.routes:
        if route.shadow and route.canary is not None:
            message = "a shadow cannot be a canary: its handler never runs"
            help_text = 'remove "shadow", or remove "canary" and "instead_of"'
            yield route.location.finding(RULE, message, at=("shadow",), on="key", help=help_text)
