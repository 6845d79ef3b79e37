"""Two routes that run the same handler twice for the same messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.document import RouteConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.expressions.syntax.lexer import is_same_text

RULE: Final = Rule(
    "SR210",
    "redundant-route",
    Severity.WARNING,
    Stage.CONFIGURATION,
    "Two routes run the same handler for the same messages.",
    page="""\
Two enabled routes have the same type, stream, filter, handler and arguments, so the handler runs twice for
each message. Usually one of them is a copy that was meant to be changed.

## Wrong

```yaml
version: 1
streams: {bot_events: }
routes:
  - {name: welcome, type: booking.confirmed, filter: guest.vip, handler: shop.handlers.welcome}
  - {name: greet, type: booking.confirmed, filter: guest.vip, handler: shop.handlers.welcome}
```

## Right

```yaml
version: 1
streams: {bot_events: }
routes:
  - {name: welcome, type: booking.confirmed, filter: guest.vip, handler: shop.handlers.welcome}
  - {name: greet, type: booking.changed, filter: guest.vip, handler: shop.handlers.welcome}
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each route with the same effect as an earlier one."""
    before: dict[tuple[str, ...], list[RouteConfig]] = {}
    for route in (checked.config for checked in context.routes):
        if not route.is_live:
            continue
        keys = _keys_of(route)
        others = (other for key in keys for other in before.get(key, ()))
        same = next((other for other in others if _does_the_same(route, other)), None)
        if same is not None:
            yield _finding(route, same)
        for key in keys:
            before.setdefault(key, []).append(route)


def _keys_of(route: RouteConfig) -> list[tuple[str, ...]]:
    """Lookup keys of a route: two routes with the same effect share at least one."""
    arguments = json.dumps(route.arguments, sort_keys=True, default=str) if route.arguments else ""
    effect = (route.handler, _without_spaces(route.filter), _without_spaces(route.transform), arguments)
    return [(stream, message_type, *effect) for stream in route.streams for message_type in route.types]


def _without_spaces(expression: str | None) -> str:
    """An expression without white space: if these differ, so do the expressions."""
    return "" if expression is None else "".join(expression.split())


def _does_the_same(first: RouteConfig, second: RouteConfig) -> bool:
    if first is second or first.name == second.name:
        return False  # SR201
    if first.name == second.instead_of or second.name == first.instead_of:
        return False  # of both, one runs
    if first.arguments != second.arguments:
        return False
    return is_same_text(first.filter, second.filter) and is_same_text(first.transform, second.transform)


def _finding(route: RouteConfig, same: RouteConfig) -> Finding:
    where = same.location.display_line(route.location.source, ("name",))
    message = f'route "{route.name}" does the same as "{same.name}" on {where}: {route.handler} runs twice'
    help_text = "both match the same messages; remove one of them"
    return route.location.finding(RULE, message, at=("name",), help=help_text)
