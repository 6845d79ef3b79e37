"""Two configurations that disagree about a consumer group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.document import EMBEDDED, Document, StreamConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.quoting import join_words
from streamroute.config.findings.rules import Rule, Stage

RULE: Final = Rule(
    "SR215",
    "conflicting-groups",
    Severity.WARNING,
    Stage.CONFIGURATION,
    "Two configurations have different settings for a consumer group.",
    page="""\
Two configurations that are checked together consume the same stream in the same group with different
settings. The workers of a group share its messages, so the lease, the attempts and the dead letters of a
message would depend on which worker reads it. `concurrency`, `claim_interval`, `grace`, `stall` and
`on_stuck` may differ from worker to worker. The finding also reports a group that is renamed by one
configuration (`formerly_group`) but still served or also renamed by another: the state of a group can move to
only one group, and a group that is still served must not be moved.

## Wrong

```yaml
version: 1
redis: {url: redis://localhost}
streams: {bot_events: {group: shop, lease: 60s}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

```yaml desk.yaml
version: 1
redis: {url: redis://localhost}
streams: {bot_events: {group: shop, lease: 10s}}
routes:
  - {name: greet, type: booking.confirmed, handler: shop.handlers.welcome}
```

## Right

```yaml
version: 1
redis: {url: redis://localhost}
streams: {bot_events: {group: shop, lease: 60s}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

```yaml desk.yaml
version: 1
redis: {url: redis://localhost}
streams: {bot_events: {group: desk, lease: 10s}}
routes:
  - {name: greet, type: booking.confirmed, handler: shop.handlers.welcome}
```
""",
    compares=True,
)
_SHARED: Final = ("codec", "lease", "max_deliveries", "retry", "dead_letter", "unknown_type")
"""Settings on which the workers of one group must agree."""


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each stream whose group another configuration serves with other settings."""
    for other in context.beside:
        if _server(other) != _server(context.document):
            continue
        for name, stream in context.document.streams.items():
            known = other.streams.get(name)
            if known is None or "group" in stream.unresolved_keys | known.unresolved_keys:
                continue
            if known.group == stream.group:
                yield from _compared(stream, other, known)
            else:
                yield from _taken_over(stream, other, known)


def _server(document: Document) -> tuple[str, ...]:
    """The identity of a configuration's server; an embedded server is identified by its folder."""
    url = document.redis.url
    return (url, str(document.folder)) if url.startswith(EMBEDDED) else (url,)


def _compared(stream: StreamConfig, other: Document, known: StreamConfig) -> Iterator[Finding]:
    comparable = [name for name in _SHARED if name not in stream.unresolved_keys | known.unresolved_keys]
    differing = [name for name in comparable if getattr(known, name) != getattr(stream, name)]
    if not differing:
        return
    names = join_words((f'"{name}"' for name in differing), "and")
    group = f'group "{stream.display("group")}" of stream "{stream.name}"'
    message = f"{group} is also served by {_where(other, known)}, with a different {names}"
    help_text = "workers of one group share its messages; use the same settings in both, or two groups"
    yield stream.location.finding(RULE, message, on="key", help=help_text)


def _taken_over(stream: StreamConfig, other: Document, known: StreamConfig) -> Iterator[Finding]:
    """Yield a finding if one configuration takes over a group that the other serves or also takes over."""
    where, message = _where(other, known), None
    if stream.formerly_group == known.group:
        message = (
            f'stream "{stream.name}" takes over group "{known.display("group")}", which {where} still serves'
        )
    elif known.formerly_group == stream.group:
        message = f'group "{stream.display("group")}" of stream "{stream.name}" is taken over by {where}'
    elif stream.formerly_group is not None and stream.formerly_group == known.formerly_group:
        message = (
            f'stream "{stream.name}" takes over group "{stream.display("formerly_group")}", as does {where}'
        )
    if message is not None:
        help_text = 'set "formerly_group" only once, for a group that is no longer served'
        yield stream.location.finding(RULE, message, on="key", help=help_text)


def _where(document: Document, stream: StreamConfig) -> str:
    line = stream.location.source.span(stream.location.path, "key").line
    return f"{document.path}:{line}"
