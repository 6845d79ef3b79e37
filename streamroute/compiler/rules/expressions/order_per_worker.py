"""``order_by``, which does not order messages across workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.yaml.source import DataPath

RULE: Final = Rule(
    "SR218",
    "order-per-worker",
    Severity.INFO,
    Stage.EXPRESSIONS,
    "order_by does not order messages across workers.",
    page="""\
`order_by` orders the messages of one worker: messages with equal keys run one after another. Two workers of a
group may run two messages with the same key at the same time. Retries, and entries claimed from a dead
worker, may run after later messages. If only one worker serves the stream, or if this order is enough,
suppress the finding.

## Wrong

```yaml
version: 1
streams: {bot_events: {order_by: guest.id}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

## Right

```yaml
version: 1
streams: {bot_events: {concurrency: 8}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```
""",
)
_AT: Final[DataPath] = ("order_by",)
_MESSAGE: Final = "messages with equal keys run in order within one worker, but not across workers"


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each ``order_by`` that can be evaluated."""
    for checked in context.expressions:
        if checked.at == _AT and not checked.has_errors:
            yield checked.location.finding(RULE, _MESSAGE, at=_AT)
