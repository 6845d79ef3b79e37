"""A ``pause_when`` that cannot do what it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.document import PauseWhen
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.yaml.source import SourceLocation
from streamroute.durations import format_duration

RULE: Final = Rule(
    "SR227",
    "ineffective-circuit",
    Severity.WARNING,
    Stage.CONFIGURATION,
    "A pause_when cannot do what it says.",
    page="""\
The handler of a shadow never runs, so its route never fails. And workers tell each other about failures and
pauses once a second: a shorter time is not kept.

## Wrong

```yaml
version: 1
streams: {bot_events: }
routes:
  - name: welcome
    type: booking.confirmed
    handler: shop.handlers.welcome
    pause_when: {failures: 20, within: 100ms, for: 5m}
```

## Right

```yaml
version: 1
streams: {bot_events: }
routes:
  - name: welcome
    type: booking.confirmed
    handler: shop.handlers.welcome
    pause_when: {failures: 20, within: 1m, for: 5m}
```
""",
)
_SHORTEST: Final = 1.0  # seconds


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each ``pause_when`` of a shadow, and for each time that is too short."""
    for route in context.document.routes:
        if route.pause_when is not None and route.shadow:
            message = '"pause_when" has no effect on a shadow: its handler never runs'
            yield route.location.finding(RULE, message, at=("pause_when",), on="key")
        elif route.pause_when is not None:
            yield from _short_times(route.location, route.pause_when)
    for stream in context.document.streams.values():
        if stream.pause_when is not None and "pause_when" not in stream.unresolved_keys:
            yield from _short_times(context.document.location_of(stream, "pause_when"), stream.pause_when)


def _short_times(location: SourceLocation, when: PauseWhen) -> Iterator[Finding]:
    for key, seconds in (("within", when.within), ("for", when.lasts)):
        if seconds < _SHORTEST:
            message = f'"{key}" ({format_duration(seconds)}) is shorter than a second: workers cannot keep it'
            yield location.finding(RULE, message, at=("pause_when", key), help="write 1s or more")
