"""Handler timeouts longer than the grace period of a drain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.document import RouteConfig, StreamConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.durations import format_duration

RULE: Final = Rule(
    "SR214",
    "timeout-beyond-grace",
    Severity.INFO,
    Stage.CONFIGURATION,
    "A timeout is longer than the grace period of its stream.",
    page="""\
When `serve` stops, running handlers may continue for the `grace` of their stream and are then cancelled;
their messages run again on another worker. An attempt that needs its whole timeout is cancelled by every
deployment. If that is intended, suppress the finding.

## Wrong

```yaml
version: 1
streams: {bot_events: }
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome, timeout: 2m}
```

## Right

```yaml
version: 1
streams: {bot_events: {grace: 2m}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome, timeout: 2m}
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each stated timeout that is longer than ``grace``."""
    for route in context.document.routes:
        yield from _findings(route, context.document.streams_of(route))


def _findings(route: RouteConfig, streams: Sequence[StreamConfig]) -> Iterator[Finding]:
    if any("grace" in stream.unresolved_keys for stream in streams):
        return
    longest_grace = max(streams, key=lambda stream: stream.grace, default=None)
    if (
        longest_grace is not None
        and route.timeout > longest_grace.grace
        and "timeout" in route.written_settings
    ):
        longest, timeout = longest_grace.display("grace"), format_duration(route.timeout)
        message = (
            f'"timeout" ({timeout}) is longer than "grace" ({longest}), which cuts attempts off on shutdown'
        )
        help_text = "such attempts run again; set a longer grace to let them finish"
        yield route.location.finding(RULE, message, at=("timeout",), help=help_text)
