"""Handlers: functions of the event's payload. A return is a success, an exception is a failure."""

from __future__ import annotations

from typing import Any


async def welcome(payload: dict[str, Any]) -> None:
    """Greet a new user."""
    print(f"welcome, {payload['name']}")


async def thank(payload: dict[str, Any], *, words: str) -> None:
    """Thank for an order; `words` is set under `with:` in routes.yaml."""
    print(f"{words}, order {payload['order']} over {payload['total']}")
