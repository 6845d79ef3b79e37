"""What people call the outcomes of messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from streamroute.core.observer import Result

OUTCOMES: Final = (
    "any", "succeeded", "failed", "retried", "dead", "filtered", "skipped", "postponed", "unlisted", "lost"
)  # fmt: skip

_MEANINGS: Final = {"failed": (Result.FAILED, Result.RETRIED, Result.DEAD), "unlisted": (Result.UNKNOWN,)}


def results_of(outcomes: Iterable[str]) -> frozenset[str]:
    """Return the results that these outcomes stand for."""
    names = set(outcomes)
    if "any" in names:
        return frozenset(map(str, Result))
    return frozenset(str(result) for name in names for result in _MEANINGS.get(name, (name,)))
