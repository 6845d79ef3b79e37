"""Handlers that the configurations beside this package name."""

from __future__ import annotations

from typing import Any


def one(payload: dict[str, Any]) -> None:
    """Takes a message."""


two = three = four = five = one
