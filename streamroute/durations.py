"""Durations and retry policies of a configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", re.ASCII)


def parse_duration(text: str) -> float:
    """Read a duration such as ``500ms``, ``30s``, ``5m``, ``1h`` or ``7d``; returns seconds.

    Raises ValueError for anything else.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write 500ms, 30s, 5m, 1h or 7d")
    return float(match[1]) * _UNITS[match[2]]


def format_duration(seconds: float) -> str:
    """Write seconds as the shortest duration that ``parse_duration`` reads back as the same value."""
    for unit in ("d", "h", "m", "s"):
        count = seconds / _UNITS[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return f"{round(seconds * 1000, 3):g}ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, and after what delays, a failed route runs again.

    ``delay`` and ``max_delay`` are in seconds; the first run is attempt 1, and ``max_attempts`` counts it.
    The delay after attempt n is ``delay * multiplier ** (n - 1)``, at most ``max_delay``, plus or minus up
    to ``jitter`` (a fraction), so that simultaneous failures are not retried together.

    >>> RetryPolicy(delay=2, jitter=0).delay_after(3)
    8.0
    """

    max_attempts: int = 5
    delay: float = 1.0
    multiplier: float = 2.0
    max_delay: float = 600.0
    jitter: float = 0.1

    def delay_after(self, attempt: int) -> float:
        """Return the seconds to wait after this failed attempt (1 for the first)."""
        try:
            plain = min(self.delay * self.multiplier ** (attempt - 1), self.max_delay)
        except OverflowError:
            plain = self.max_delay
        import random  # imported late: only failures need it

        spread = 1 + self.jitter * random.uniform(-1, 1)  # noqa: S311 - jitter, not a secret
        return min(plain * spread, self.max_delay)
