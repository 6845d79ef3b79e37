"""What makes the container."""

from __future__ import annotations


def build() -> object:
    """The container."""
    return object()
