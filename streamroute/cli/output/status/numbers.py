"""Short numbers, rates and durations, which fit in columns."""

from __future__ import annotations

from typing import Final

from streamroute.cli.output.tables.column import NOTHING

UNKNOWN: Final = "?"
"""Stands for what Redis does not tell."""

_UNITS: Final = (("d", 86_400.0), ("h", 3600.0), ("m", 60.0))


def count(number: int | None) -> str:
    """Format a count with thousands separators."""
    return UNKNOWN if number is None else f"{number:,}"


def rate(per_second: float) -> str:
    """Format a rate a second: ``0``, ``0.02``, ``5.2``, ``1,204``."""
    if per_second >= 100:
        return f"{per_second:,.0f}"
    if per_second >= 1:
        return f"{per_second:.1f}"
    return f"{per_second:.2f}" if per_second >= 0.005 else ("<0.01" if per_second > 0 else "0")


def duration(seconds: float | None) -> str:
    """Format how long something took or lasts: ``350us``, ``12ms``, ``4.2s``, ``5m``, ``3d``."""
    if seconds is None:
        return NOTHING
    if seconds < 0.001:
        return f"{seconds * 1_000_000:.0f}us"
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 10:
        return f"{seconds:.1f}s"
    return age(seconds)


def running_time(seconds: float) -> str:
    """Format since when something runs, by a snapshot that may have been taken as it began."""
    return "<1ms" if seconds < 0.001 else duration(seconds)


def age(seconds: float | None) -> str:
    """Format an age in its largest unit: ``5s``, ``2h``, ``3d``."""
    if seconds is None:
        return UNKNOWN
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds:.0f}s"
