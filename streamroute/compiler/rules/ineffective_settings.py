"""Settings that are stated and change nothing: of retries, and a timeout that outlasts a drain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from streamroute.config.document import Document, RouteConfig, StreamConfig
from streamroute.config.findings.finding import Finding
from streamroute.config.yaml.source import DataPath, SourceLocation
from streamroute.durations import RetryPolicy, format_duration


def check_idle_settings(document: Document) -> Iterator[Finding]:
    """Findings about keys of ``retry`` without effect, and timeouts beyond a stream's ``grace``."""
    for route in document.routes:
        streams = [document.streams[name] for name in route.streams if name in document.streams]
        if streams and route.retry and not any("retry" in stream.unresolved_keys for stream in streams):
            policies = [route.policy_for(stream) for stream in streams]
            yield from _idle(route.location, ("retry",), route.retry, policies)
        yield from _check_timeout(route, streams)
    for stream in document.streams.values():
        stated = stream.location.value("retry")  # not what it has from the defaults
        if isinstance(stated, dict) and "retry" not in stream.unresolved_keys:
            yield from _idle(stream.location, ("retry",), stated, _policies(document, stream))


def _policies(document: Document, stream: StreamConfig) -> list[RetryPolicy]:
    """Every policy that the stream's settings are a part of."""
    routes = (route for route in document.routes if stream.name in route.streams)
    return [route.policy_for(stream) for route in routes] or [stream.retry]


def _idle(
    place: SourceLocation, at: DataPath, stated: Iterable[str], policies: Sequence[RetryPolicy]
) -> Iterator[Finding]:
    for key in stated:
        why = [_why_idle(key, policy) for policy in policies]
        if all(why):
            [(usual, _)] = Counter(why).most_common(1)
            yield place.finding("SR213", f'"{key}" has no effect: {usual}', at=(*at, key), on="key")


def _why_idle(key: str, policy: RetryPolicy) -> str | None:  # noqa: PLR0911 - a return for each cause
    """Why a key of this policy changes nothing; None where it may."""
    if key == "max_attempts":
        return None
    if policy.max_attempts == 1:
        return "with max_attempts: 1 nothing runs again"
    if policy.delay == 0 and key != "delay":
        return "a delay of 0 stays 0"
    if policy.max_delay < policy.delay and key == "delay":
        return "every retry waits for max_delay, which is shorter"
    if policy.max_delay < policy.delay and key == "multiplier" and policy.multiplier >= 1:
        return "every retry waits for max_delay"
    if policy.max_attempts == 2 and key == "multiplier":
        return "with max_attempts: 2 there is only one retry, after the delay"
    return None


def written(route: RouteConfig) -> Mapping[str, Any]:
    """The route as its file has it, without defaults."""
    here: Any = route.location.source.data
    for step in route.location.path:
        here = here[step]
    found: Mapping[str, Any] = here
    return found


def _check_timeout(route: RouteConfig, streams: Sequence[StreamConfig]) -> Iterator[Finding]:
    """A drain cuts an attempt off when ``grace`` has passed, which may be long before its timeout."""
    patient = max(streams, key=lambda stream: stream.grace, default=None)
    if any("grace" in stream.unresolved_keys for stream in streams):
        return
    if patient is not None and route.timeout > patient.grace and "timeout" in written(route):
        longest, timeout = patient.display("grace"), format_duration(route.timeout)
        message = f"when serve stops, no attempt gets {timeout}: it is cut off after grace ({longest})"
        help_text = "it runs again elsewhere; give the stream a longer grace to let it finish"
        yield route.location.finding("SR214", message, at=("timeout",), help=help_text)
