"""Observer: called for each outcome of a route."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any


class Result(StrEnum):
    """The outcome of a message at one route or, without a route, of the whole message."""

    SUCCEEDED = "succeeded"
    RETRIED = "retried"
    POSTPONED = "postponed"
    """It has to wait for another message with the same key of dedupe: no attempt of its own was spent."""
    DEAD = "dead"
    FILTERED = "filtered"
    """Its filter is false. Routes that an index skipped (many routes of one type) are not reported."""
    SKIPPED = "skipped"
    """It had succeeded for another message with the same key of dedupe."""
    UNKNOWN = "unknown"
    FAILED = "failed"
    """It failed and outcomes are not collected here: the entry stays pending."""
    LOST = "lost"
    """Another worker took the entry while it was held here: it runs, or ran, more than once."""


Observer = Callable[[Mapping[str, Any], str | None, Result], None]
"""``(payload, route or None, result)``; called in the event loop, so it must be quick and must not raise."""


def ignore_result(payload: Mapping[str, Any], route: str | None, result: Result) -> None:
    """Default no-op observer."""
