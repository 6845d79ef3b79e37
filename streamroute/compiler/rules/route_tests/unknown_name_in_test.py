"""A route test that names a route or a stream that does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.compiler.rules.former_names import current_name_of
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.yaml.source import DataPath, Part
from streamroute.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from streamroute.config.route_tests import RouteTest

RULE: Final = Rule(
    "SR601",
    "unknown-name-in-test",
    Severity.ERROR,
    Stage.ROUTE_TESTS,
    "A test names a route or a stream that does not exist.",
    page="""\
A test names a route or a stream that does not exist: it was renamed, or is misspelled.

## Wrong

```yaml
version: 1
streams: {bot_events: }
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

```yaml routes.test.yaml
version: 1
tests:
  - name: a booking is welcomed
    message: {type: booking.confirmed}
    routes: [welcom]
```

## Right

```yaml
version: 1
streams: {bot_events: }
routes:
  - {name: welcome, type: booking.confirmed, handler: shop.handlers.welcome}
```

```yaml routes.test.yaml
version: 1
tests:
  - name: a booking is welcomed
    message: {type: booking.confirmed}
    routes: [welcome]
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each unknown name."""
    streams = context.document.streams
    routes = {route.name: route for route in context.document.routes}
    for test in context.tests:
        for name, at in _streams_in(test):
            if name not in streams:
                yield _finding(test, f'unknown stream "{name}"', at, did_you_mean(name, streams))
        for name, at in _routes_in(test):
            if name not in routes:
                suggestion = current_name_of(name, routes.values())
                yield _finding(test, f'unknown route "{name}"', at, suggestion)


def _streams_in(test: RouteTest) -> Iterator[tuple[str, DataPath]]:
    from streamroute.config.route_tests import EntryReference  # not needed without tests

    if test.stream is not None:
        yield test.stream, ("stream",)
    if isinstance(test.message, EntryReference):
        yield test.message.stream, ("message", "stream")


def _routes_in(test: RouteTest) -> Iterator[tuple[str, DataPath]]:
    for index, name in enumerate(test.routes):
        yield name, ("routes", index)
    for index, name in enumerate(test.dead_letter):
        yield name, ("dead_letter", index)
    for index, name in enumerate(test.shadow or ()):
        yield name, ("shadow", index)
    for name in test.transform:
        yield name, ("transform", name)


def _finding(test: RouteTest, message: str, at: DataPath, suggestion: str | None) -> Finding:
    on: Part = "key" if at[0] == "transform" else "value"
    return test.location.finding(RULE, message, at=at, on=on, suggestion=suggestion)
