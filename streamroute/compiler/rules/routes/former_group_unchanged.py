"""A former group that equals the current group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage

RULE: Final = Rule(
    "SR208",
    "former-group-unchanged",
    Severity.ERROR,
    Stage.ROUTES,
    "A stream's former group is its current group.",
    page="""\
`formerly_group` is the previous name of a consumer group, whose state is moved to the current group. If both
are the same, nothing is moved. In `defaults`, the key applies to every stream without its own: set it in the
streams whose group was renamed.

## Wrong

```yaml
version: 1
streams: {bot_events: {group: notifications, formerly_group: notifications}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

## Right

```yaml
version: 1
streams: {bot_events: {group: notifications, formerly_group: mailer}}
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each place where the former group is the current one."""
    document = context.document
    known = (
        stream
        for stream in document.streams.values()
        if not stream.unresolved_keys & {"group", "formerly_group"}
    )
    unchanged = (stream for stream in known if stream.formerly_group == stream.group)
    conflicts = dict.fromkeys(
        document.conflict_location(stream, "formerly_group", "group") for stream in unchanged
    )
    for location, key in conflicts:
        message = '"formerly_group" is the same as the current "group"'
        if key == "group":
            message = '"group" is the same as "formerly_group" in "defaults"'
        help_text = 'set "formerly_group" only in streams whose group was renamed'
        yield location.finding(RULE, message, at=(key,), help=help_text)
