"""A shadow on a stream that no live route consumes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.yaml.source import DataPath

RULE: Final = Rule(
    "SR225",
    "idle-shadow",
    Severity.WARNING,
    Stage.CONFIGURATION,
    "A shadow watches a stream that is not consumed.",
    page="""\
A shadow watches the messages that a stream's other routes receive. A stream whose routes are all shadows or
disabled is not consumed, since its messages would be acknowledged before the first real route exists. The
shadow sees none of them.

## Wrong

```yaml
version: 1
streams: {bot_events: }
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome, shadow: true}
```

## Right

```yaml
version: 1
streams: {bot_events: }
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome, shadow: true}
  - {name: audit, type: booking.confirmed, handler: streamroute.handlers.log}
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each stream of an enabled shadow that is not consumed."""
    document = context.document
    for route in document.routes:
        if not (route.shadow and route.enabled):
            continue
        for index, name in enumerate(route.streams):
            if name in document.streams and not document.served(name):
                at: DataPath = ("stream", index) if "stream" in route.written_settings else ("name",)
                message = f'no live route consumes the stream "{name}", so this shadow sees no messages of it'
                yield route.location.finding(RULE, message, at=at)
