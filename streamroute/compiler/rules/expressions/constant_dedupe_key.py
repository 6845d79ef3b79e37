"""A dedupe key that is the same for every message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.rules.expressions.constant_keys import advice_for, is_constant
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.yaml.source import DataPath

RULE: Final = Rule(
    "SR217",
    "constant-dedupe-key",
    Severity.WARNING,
    Stage.EXPRESSIONS,
    "A dedupe key is the same for every message.",
    page="""\
Messages with the same `dedupe` key are duplicates, and only the first of them runs. A key that reads no field
of the message, such as a string in quotes, is the same for all messages.

## Wrong

```yaml
- name: charge
  type: booking.confirmed
  handler: shop.handlers.welcome
  dedupe: {key: "'payment.id'", ttl: 1d}
```

## Right

```yaml
- name: charge
  type: booking.confirmed
  handler: shop.handlers.welcome
  dedupe: {key: payment.id, ttl: 1d}
```
""",
)
_AT: Final[DataPath] = ("dedupe", "key")


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each valid key that does not depend on the message."""
    for checked in context.expressions:
        if checked.at == _AT and is_constant(checked):
            message = '"key" is the same for every message, so all but the first are skipped'
            yield checked.location.finding(RULE, message, at=_AT, help=advice_for(checked))
