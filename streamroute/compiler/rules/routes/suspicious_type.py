"""A type that no producer writes: a list in one string, or quotes within quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.document import RouteConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.text.lazy_pattern import lazy_pattern

RULE: Final = Rule(
    "SR221",
    "suspicious-type",
    Severity.WARNING,
    Stage.ROUTES,
    "A type is a list in one string, or contains quotes.",
    page="""\
A type is compared as a whole: `order.paid, order.sent` is one type, which no message has. Write several types
as a list. Quotes, commas or invisible characters around a type are probably a mistake too. A type that is
declared under `messages:` is not reported.

## Wrong

```yaml
version: 1
streams: {bot_events: }
routes:
  - name: welcome
    type: booking.confirmed, booking.changed
    handler: shop.handlers.welcome
```

## Right

```yaml
version: 1
streams: {bot_events: }
routes:
  - name: welcome
    type: [booking.confirmed, booking.changed]
    handler: shop.handlers.welcome
```
""",
)
_QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_INVISIBLE: Final = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_UNLIKELY: Final = lazy_pattern(rf"[,;|{_QUOTES}{_INVISIBLE}]|^\s|\s$")
_LIST: Final = lazy_pattern(r"[\w.*?-]+(?:\s*[,;|]\s*[\w.*?-]+)+")


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each unlikely type that the catalogue does not declare."""
    for route in context.document.routes:
        for index, name in enumerate(route.types):
            if _UNLIKELY.search(name) and name not in context.document.messages:
                yield from _findings(route, index, name)


def _findings(route: RouteConfig, index: int, name: str) -> Iterator[Finding]:
    stripped = name.strip(f"{_QUOTES}{_INVISIBLE},; \t\n")
    if _LIST.fullmatch(stripped):
        names = ", ".join(part.strip() for part in re.split("[,;|]", stripped))
        message = "this is read as one type, not as a list"
        yield route.location.finding(RULE, message, at=("type", index), help=f"write [{names}]")
    elif stripped and stripped != name:
        message = "the type begins or ends with a quote, a separator or an invisible character"
        yield route.location.finding(RULE, message, at=("type", index), suggestion=stripped)
