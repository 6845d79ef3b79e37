"""Keys of ``retry`` without effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from streamroute.compiler.rules.context import RuleContext
from streamroute.config.document import Document, StreamConfig
from streamroute.config.findings.finding import Finding, Severity
from streamroute.config.findings.rules import Rule, Stage
from streamroute.config.yaml.source import SourceLocation
from streamroute.durations import RetryPolicy

RULE: Final = Rule(
    "SR213",
    "ineffective-setting",
    Severity.WARNING,
    Stage.CONFIGURATION,
    "A key of a retry policy has no effect.",
    page="""\
A key of a retry policy has no effect because of another: a delay if there are no retries, a multiplier if
there is only one retry, or a delay that is longer than `max_delay`.

## Wrong

```yaml
version: 1
streams: {bot_events: }
routes:
  - name: welcome
    type: booking.confirmed
    handler: shop.handlers.welcome
    retry: {max_attempts: 1, delay: 10s}
```

## Right

```yaml
version: 1
streams: {bot_events: }
routes:
  - name: welcome
    type: booking.confirmed
    handler: shop.handlers.welcome
    retry: {max_attempts: 3, delay: 10s}
```
""",
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Yield a finding for each stated key of ``retry`` that has no effect."""
    document = context.document
    for route in document.routes:
        streams = document.streams_of(route)
        if streams and route.retry and not any("retry" in stream.unresolved_keys for stream in streams):
            policies = [route.policy_for(stream) for stream in streams]
            yield from _findings(route.location, route.retry, policies)
    for stream in document.streams.values():
        retry = stream.location.value("retry")  # without inherited defaults
        if isinstance(retry, dict) and "retry" not in stream.unresolved_keys:
            yield from _findings(stream.location, retry, _policies(document, stream))


def _policies(document: Document, stream: StreamConfig) -> list[RetryPolicy]:
    """Every retry policy that uses the stream's settings."""
    routes = (route for route in document.routes if stream.name in route.streams)
    return [route.policy_for(stream) for route in routes] or [stream.retry]


def _findings(
    location: SourceLocation, keys: Iterable[str], policies: Sequence[RetryPolicy]
) -> Iterator[Finding]:
    for key in keys:
        reasons = [_reason(key, policy) for policy in policies]
        if all(reasons):
            [(most_common, _)] = Counter(reasons).most_common(1)
            yield location.finding(RULE, f'"{key}" has no effect: {most_common}', at=("retry", key), on="key")


def _reason(key: str, policy: RetryPolicy) -> str | None:  # noqa: PLR0911 - a return for each cause
    """Why a key has no effect in this policy; None if it may have one."""
    if key == "max_attempts":
        return None
    if policy.max_attempts == 1:
        return "with max_attempts: 1 there are no retries"
    if policy.delay == 0 and key != "delay":
        return "the delay is always 0"
    if policy.max_delay < policy.delay and key == "delay":
        return "max_delay is shorter, so every retry waits for max_delay"
    if policy.max_delay < policy.delay and key == "multiplier" and policy.multiplier >= 1:
        return "max_delay is shorter than delay, so every retry waits for max_delay"
    if policy.max_attempts == 2 and key == "multiplier":
        return "with max_attempts: 2 there is only one retry"
    return None
