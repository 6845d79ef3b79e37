"""Streams whose keys are in several slots of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.rules.dead_letter_finding import dead_letter_finding
from streamroute.config.document import StreamConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.keys import GroupKeys, base, keys_in_other_slots

RULE: Final = Rule(
    "SR506",
    "cross-slot",
    Severity.ERROR,
    Stage.ENVIRONMENT,
    "The keys of a stream are in different cluster slots.",
    page="""\
The result of a message is written atomically, which in a Redis Cluster requires that a stream, its retries
and its dead letters are in the same slot. The slot depends on the part of the key in braces, or on the whole
key. The default names are in the same slot.

## Wrong

```yaml
version: 1
redis: {url: "redis+cluster://localhost:7000"}
streams:
  bot_events: {dead_letter: failed}
```

## Right

```yaml
version: 1
redis: {url: "redis+cluster://localhost:7000"}
streams:
  bot_events: {dead_letter: "{bot_events}:failed"}
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each stream with keys in a different cluster slot, if the URL is a cluster's."""
    document = context.document
    if "+cluster:" not in document.redis.url.partition("//")[0].lower():
        return
    for stream in document.streams.values():
        keys = GroupKeys.of(stream.name, stream.group, stream.dead_letter)
        if keys_in_other_slots(stream.name, [keys.retry]):
            message = (
                f'"{stream.name}" and its retries are in different cluster slots: its name contains "}}"'
            )
            yield stream.location.finding(RULE, message, on="key")
        elif not stream.unresolved_keys & {"dead_letter", "group"} and keys_in_other_slots(
            stream.name, [stream.dead_letter]
        ):
            yield _finding(stream)


def _finding(stream: StreamConfig) -> Finding:
    message = f'"{stream.name}" and "{stream.display("dead_letter")}" are in different cluster slots'
    help_text = f'remove "dead_letter", or start it with "{base(stream.name)}:"'
    return dead_letter_finding(stream, RULE, message, help_text)
