"""Wording: numbers and names as a person writes them."""

from __future__ import annotations


def pluralize(count: int, noun: str) -> str:
    """``1 event``, ``2 events``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
