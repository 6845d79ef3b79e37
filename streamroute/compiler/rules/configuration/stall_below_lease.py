"""Stall limits that are shorter than the lease."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.document import StreamConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.yaml.source import SourceLocation

RULE: Final = Rule(
    "SR220",
    "stall-below-lease",
    Severity.WARNING,
    Stage.CONFIGURATION,
    "A stream's stall limit is shorter than its lease.",
    page="""\
A worker whose event loop was blocked for `stall` gives up its entries. Other workers can claim an entry only
after its `lease`, so a shorter `stall` gives up entries that no other worker can claim yet. The default is
five times the lease.

## Wrong

```yaml
version: 1
streams: {bot_events: {lease: 60s, stall: 10s}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

## Right

```yaml
version: 1
streams: {bot_events: {lease: 60s, stall: 2m}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each place that states a stall limit shorter than the lease."""
    streams_by_key: dict[tuple[SourceLocation, str], StreamConfig] = {}
    for stream in context.document.streams.values():
        if stream.stall < stream.lease and not stream.unresolved_keys & {"stall", "lease"}:
            streams_by_key.setdefault(context.document.conflict_location(stream, "stall", "lease"), stream)
    for (location, key), stream in streams_by_key.items():
        stall, lease = stream.display("stall"), stream.display("lease")
        message = f'"stall" ({stall}) is shorter than "lease" ({lease}): a worker gives up entries too early'
        help_text = f"other workers cannot claim them before the lease ends; set stall to {lease} or more"
        yield location.finding(RULE, message, at=(key,), help=help_text)
