"""A canary's key that is the same for every message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.rules.expressions.constant_keys import advice_for, is_constant
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.yaml.source import DataPath

RULE: Final = Rule(
    "SR226",
    "constant-canary-key",
    Severity.WARNING,
    Stage.EXPRESSIONS,
    "The key of a canary is the same for every message.",
    page="""\
A canary takes a share of the values of its key. A key that reads no field of the message, such as a string in
quotes, has one value: the canary takes all messages, or none.

## Wrong

```yaml
- name: welcome
  type: booking.confirmed
  handler: shop.handlers.welcome
- name: welcome-2
  type: booking.confirmed
  handler: shop.handlers.welcome
  canary: {percent: 5, key: "'guest.id'"}
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
  canary: {percent: 5, key: guest.id}
  instead_of: welcome
```
""",
)
_AT: Final[DataPath] = ("canary", "key")


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each valid key that does not depend on the message."""
    for checked in context.expressions:
        if checked.at == _AT and is_constant(checked):
            message = '"key" is the same for every message, so the canary takes all of them or none'
            yield checked.location.finding(RULE, message, at=_AT, help=advice_for(checked))
