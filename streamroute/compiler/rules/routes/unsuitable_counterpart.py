"""A canary whose ``instead_of`` names a route that cannot keep its other messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.rules.former_names import current_name_of
from streamroute.compiler.type_patterns import TypePatterns
from streamroute.config.document import RouteConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage

RULE: Final = Rule(
    "SR223",
    "unsuitable-counterpart",
    Severity.ERROR,
    Stage.ROUTES,
    "A canary names a route that cannot keep its other messages.",
    page="""\
`instead_of` names the route that keeps the messages outside a canary's share. It must be another route that
is enabled, consumes every stream of the canary and accepts every type of it. It cannot be a shadow or a
canary, and only one canary of a stream can take messages from it.

## Wrong

```yaml
- name: welcome
  type: booking.confirmed
  handler: shop.handlers.welcome
  enabled: false
- name: welcome-2
  type: booking.confirmed
  handler: shop.handlers.welcome
  canary: {percent: 5, key: guest.id}
  instead_of: welcome
```

## Right

```yaml
- name: welcome
  type: booking.confirmed
  handler: shop.handlers.welcome
- name: welcome-2
  type: booking.confirmed
  handler: shop.handlers.welcome
  canary: {percent: 5, key: guest.id}
  instead_of: welcome
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each canary with an unsuitable counterpart."""
    routes = {route.name: route for route in context.document.routes}
    taken: dict[tuple[str, str], RouteConfig] = {}
    for route in context.document.routes:
        if route.instead_of is None:
            continue
        if route.instead_of not in routes:
            yield _unknown(route, route.instead_of, routes)
        elif route.canary is not None and route.is_live:
            other = routes[route.instead_of]
            first = next((taken[key] for key in _keys(route) if key in taken), None)
            taken.update(dict.fromkeys(_keys(route), route))
            problem = _problem(route, other) or _already_taken(route, first)
            problem = (
                problem or _missing_stream(route, other) or _missing_type(route, other, context.patterns)
            )
            if problem is not None:
                yield route.location.finding(RULE, problem, at=("instead_of",))


def _keys(route: RouteConfig) -> list[tuple[str, str]]:
    return [(stream, str(route.instead_of)) for stream in route.streams]


def _unknown(route: RouteConfig, name: str, routes: Mapping[str, RouteConfig]) -> Finding:
    suggestion = current_name_of(name, routes.values())
    return route.location.finding(RULE, f'unknown route "{name}"', at=("instead_of",), suggestion=suggestion)


def _problem(route: RouteConfig, other: RouteConfig) -> str | None:
    if other.name == route.name:
        return '"instead_of" is the name of the canary itself'
    if not other.enabled:
        return f'route "{other.name}" is disabled, so messages outside the share would run no route'
    if other.shadow:
        return f'route "{other.name}" is a shadow, so messages outside the share would run no route'
    if other.canary is not None:
        return f'route "{other.name}" is a canary itself'
    return None


def _already_taken(route: RouteConfig, first: RouteConfig | None) -> str | None:
    if first is None:
        return None
    where = first.location.display_line(route.location.source, ("name",))
    return f'route "{first.name}" on {where} is a canary of "{route.instead_of}", too'


def _missing_stream(route: RouteConfig, other: RouteConfig) -> str | None:
    missing = next((name for name in route.streams if name not in other.streams), None)
    if missing is None or not other.streams or "stream" in other.invalid_keys:
        return None
    return f'route "{other.name}" does not consume the stream "{missing}" of the canary'


def _missing_type(route: RouteConfig, other: RouteConfig, patterns: TypePatterns) -> str | None:
    if "type" in other.invalid_keys:
        return None
    known = {*other.types, *patterns.expand(other.types)}
    missing = next((name for name in patterns.expand(route.types) if name not in known), None)
    return (
        None
        if missing is None
        else f'route "{other.name}" does not accept the type "{missing}" of the canary'
    )
