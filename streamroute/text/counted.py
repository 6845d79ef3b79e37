"""Counts with their nouns."""

from __future__ import annotations


def pluralize(count: int, noun: str) -> str:
    """Return e.g. ``1 event`` or ``2 events``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
