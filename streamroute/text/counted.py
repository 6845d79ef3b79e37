"""Counts with their nouns."""

from __future__ import annotations


def pluralize(count: int, noun: str, plural: str = "") -> str:
    """Return e.g. ``1 event`` or ``2 events``; ``plural`` is that of an irregular noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or f'{noun}s'}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return what ``pluralize`` returns, with separators of thousands: ``2,000 events``."""
    return pluralize(count, noun, plural).replace(str(count), f"{count:,}", 1)
