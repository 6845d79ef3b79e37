"""Counts with their nouns."""

from __future__ import annotations


def pluralize(count: int, noun: str, plural: str = "") -> str:
    """Return e.g. ``1 event`` or ``2 events``; ``plural`` is that of an irregular noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {plural or f'{noun}s'}"
