"""Dead letters that would go to a key that is in use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.rules.dead_letter_finding import dead_letter_finding
from streamroute.config.document import StreamConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.keys import GroupKeys

RULE: Final = Rule(
    "SR507",
    "misplaced-dead-letters",
    Severity.ERROR,
    Stage.ENVIRONMENT,
    "Dead letters go to a key that is in use.",
    page="""\
A dead letter in the stream that it came from is read, fails and is dead-lettered again, forever, and
`streamroute dead drop` would delete unread entries. Dead letters must also not go to a key that contains the
retries of a stream. By default they go to `{STREAM}:GROUP:dead`.

## Wrong

```yaml
version: 1
streams:
  bot_events: {dead_letter: bot_events}
```

## Right

```yaml
version: 1
streams:
  bot_events: {dead_letter: failed}
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each stream whose dead letters return to it, or go to a key that holds retries."""
    document = context.document
    known = [
        stream
        for stream in document.streams.values()
        if not stream.unresolved_keys & {"dead_letter", "group"}
    ]
    stream_by_key = {key: stream.name for stream in known for key in _keys_of(stream)}
    consumed = {name for route in document.routes for name in route.streams}
    onwards = {stream.name: stream.dead_letter for stream in known if stream.name in consumed}
    for stream in known:
        where = None
        if stream.dead_letter == stream.name:
            where = "the stream itself, where they fail again forever"
        elif _is_cyclic(stream, onwards):
            name = stream.display("dead_letter")
            where = f'"{name}", whose dead letters come back here, where they fail again forever'
        elif stream.dead_letter in stream_by_key:
            name = stream.display("dead_letter")
            where = f'"{name}", which holds the retries of "{stream_by_key[stream.dead_letter]}"'
        if where:
            message = f'the dead letters of "{stream.name}" go to {where}'
            yield dead_letter_finding(stream, RULE, message, 'remove "dead_letter", or choose another stream')


def _is_cyclic(stream: StreamConfig, onwards: Mapping[str, str]) -> bool:
    """Whether dead letters return to the stream through other consumed streams."""
    name, seen = stream.dead_letter, set[str]()
    while name in onwards and name not in seen:
        seen.add(name)
        name = onwards[name]
    return stream.name in seen


def _keys_of(stream: StreamConfig) -> Iterator[str]:
    for group in filter(None, (stream.group, stream.formerly_group)):
        keys = GroupKeys.of(stream.name, group)
        yield from (keys.retry, keys.due, keys.delayed)
        yield from (keys.meta, keys.workers, keys.routes, keys.generations)
