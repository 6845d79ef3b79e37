"""Types of the catalogue that no route accepts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage

RULE: Final = Rule(
    "SR212",
    "unused-type",
    Severity.INFO,
    Stage.CONFIGURATION,
    "No route matches a declared message type.",
    page="""\
The type is declared under `messages:`, but no route matches it. Its messages are acknowledged and counted, or
dead-lettered with `unknown_type: dead_letter`. This is normal if several services share the declarations.

## Wrong

```yaml
version: 1
streams: {bot_events: }
messages:
  booking.confirmed: {schema: {type: object}}
  booking.cancelled: {schema: {type: object}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

## Right

```yaml
version: 1
streams: {bot_events: }
messages:
  booking.confirmed: {schema: {type: object}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each declared type that no route accepts; disabled routes count.

    Nothing is reported if a pattern matches nothing, since it may be meant for any of the types.
    """
    routes = [checked.config for checked in context.routes]
    if not routes or not all(route.types for route in routes):
        return
    taken = {kind for route in routes for kind in route.types}
    for kind, declared in context.document.messages.items():
        if kind not in taken:
            yield declared.location.finding(RULE, f'no route matches the message type "{kind}"', on="key")
