"""The handlers that the mistakes beside this file name."""

from __future__ import annotations

from typing import Any


async def welcome(payload: dict[str, Any]) -> None:
    """Welcome a guest."""


async def send(payload: dict[str, Any], *, template: str) -> None:
    """Send a mail."""
