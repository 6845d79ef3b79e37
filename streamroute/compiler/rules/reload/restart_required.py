"""Settings that a running service cannot change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.document import Document, StreamConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage

RULE: Final = Rule(
    "SR508",
    "restart-required",
    Severity.ERROR,
    Stage.RELOAD,
    "A reload would change a setting that only a restart can change.",
    page="""\
A running service reloads its configuration without a restart, except for two settings: the URL of Redis, and
the group of a stream that it consumes. Messages that run would be settled on another server or in another
group than the one that they were read from. A reload that changes one of them is refused as a whole, and
the running configuration stays. Restart the service to apply the change: start the new one, then stop the old
one. `check` never reports this, since it knows no running configuration.

## Wrong

```yaml
version: 1
redis: {url: redis://localhost}
streams: {bot_events: {group: desk}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

```yaml running.yaml
version: 1
redis: {url: redis://localhost}
streams: {bot_events: {group: shop}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

## Right

```yaml
version: 1
redis: {url: redis://localhost}
streams: {bot_events: {group: shop, concurrency: 64}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

```yaml running.yaml
version: 1
redis: {url: redis://localhost}
streams: {bot_events: {group: shop}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```
""",
    compares=True,
)
_HELP: Final = "restart the service to apply this: start the new one, then stop the old one"


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each setting that the running configuration has otherwise; shows no password."""
    running, document = context.running, context.document
    if running is None:
        return
    if running.redis.url != document.redis.url:
        yield _other_server(document)
    for name, stream in document.streams.items():
        before = running.streams.get(name)
        if before is not None and before.group != stream.group and running.served(name):
            yield _other_group(document, stream, before)


def _other_server(document: Document) -> Finding:
    location = document.redis.location
    message = "the Redis URL differs from that of the running service"
    if location is None or location.source.value(location.path) is None:
        return document.location.finding(RULE, message, on="first-key", help=_HELP)
    return location.finding(RULE, message, help=_HELP)


def _other_group(document: Document, stream: StreamConfig, before: StreamConfig) -> Finding:
    message = (
        f'group "{stream.display("group")}" of stream "{stream.name}" differs from that of the running '
        f'service, "{before.display("group")}"'
    )
    location = document.location_of(stream, "group")
    if location.value("group") is None:  # the default
        return stream.location.finding(RULE, message, on="key", help=_HELP)
    return location.finding(RULE, message, at=("group",), help=_HELP)
