"""A type pattern without declared message types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.type_patterns import is_pattern
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage

RULE: Final = Rule(
    "SR204",
    "pattern-without-types",
    Severity.ERROR,
    Stage.ROUTES,
    "A type is a pattern, but no message types are declared.",
    page="""\
A type with `*`, `?` or brackets is a pattern for the types that are declared under `messages:`. Without
declared types, it matches nothing.

## Wrong

```yaml
- name: welcome
  type: booking.*
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
    """Yield a finding for each type pattern of a document that declares no messages."""
    if context.document.messages:
        return
    for route in context.document.routes:
        for index, name in enumerate(route.types):
            if is_pattern(name):
                message = f'type "{name}" is a pattern, but no message types are declared'
                help_text = "declare the types under messages:, or list them here: [order.paid, order.sent]"
                yield route.location.finding(RULE, message, at=("type", index), help=help_text)
