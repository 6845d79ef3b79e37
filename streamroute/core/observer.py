"""Observer: a callback for each outcome of a route."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any


class Result(StrEnum):
    """The outcome of a message at one route or, without a route, of the whole message."""

    SUCCEEDED = "succeeded"
    RETRIED = "retried"
    POSTPONED = "postponed"
    """The message waits for another one with the same dedupe key; the attempt does not count."""
    PARKED = "parked"
    """The message waits for the end of a pause of the route; the attempt does not count."""
    DEAD = "dead"
    FILTERED = "filtered"
    """The filter returned false. Routes skipped by an index (many routes of one type) are not reported."""
    SKIPPED = "skipped"
    """The route had already succeeded for another message with the same dedupe key."""
    UNKNOWN = "unknown"
    FAILED = "failed"
    """The route failed, and outcomes are not collected: the entry stays pending."""
    LOST = "lost"
    """Another worker claimed the entry while it was held here: it may run more than once."""
    SHADOW_MATCHED = "shadow_matched"
    """A shadow route would have run. This and the next three say nothing about the message's outcome."""
    SHADOW_NOT_MATCHED = "shadow_not_matched"
    SHADOW_FILTER_ERROR = "shadow_filter_error"
    SHADOW_TRANSFORM_ERROR = "shadow_transform_error"


Observer = Callable[[Mapping[str, Any], str | None, Result], None]
"""``(payload, route or None, result)``; called in the event loop, so it must be quick and must not raise."""


def ignore_result(payload: Mapping[str, Any], route: str | None, result: Result) -> None:
    """Default no-op observer."""


class ObserverSwitch:
    """An observer that calls ``target``, which may be exchanged at any time, from any thread.

    A caller for each message reads ``target`` first, which costs less than another call.
    """

    __slots__ = ("target",)

    def __init__(self, target: Observer) -> None:
        self.target = target

    def __call__(self, payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        """See ``Observer``."""
        self.target(payload, route, result)

    @classmethod
    def of(cls, observer: Observer) -> ObserverSwitch:
        """Return the observer itself if it is a switch, else a switch to it."""
        return observer if isinstance(observer, ObserverSwitch) else cls(observer)
