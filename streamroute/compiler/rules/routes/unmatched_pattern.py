"""A type pattern that matches no type of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.type_patterns import is_pattern
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.text.suggestions import did_you_mean

RULE: Final = Rule(
    "SR205",
    "unmatched-pattern",
    Severity.WARNING,
    Stage.ROUTES,
    "A type pattern matches no declared message type.",
    page="""\
The type of the route is a pattern that matches none of the types under `messages:`, so the route matches no
message. `*` matches any characters, including dots, and `?` matches one.

## Wrong

```yaml
version: 1
streams: {bot_events: }
messages: {booking.confirmed: , booking.changed: }
routes:
  - name: welcome
    type: bokking.*
    handler: shop.handlers.welcome
```

## Right

```yaml
version: 1
streams: {bot_events: }
messages: {booking.confirmed: , booking.changed: }
routes:
  - name: welcome
    type: booking.*
    handler: shop.handlers.welcome
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each type pattern that matches nothing."""
    messages, patterns = context.document.messages, context.patterns
    for route in context.document.routes if messages else ():
        for index, name in enumerate(route.types):
            if is_pattern(name) and not patterns.matches(name) and not patterns.is_exhausted:
                message = f'pattern "{name}" matches no declared message type'
                suggestion = did_you_mean(name, [f"{known.rpartition('.')[0]}.*" for known in messages])
                yield route.location.finding(RULE, message, at=("type", index), suggestion=suggestion)
