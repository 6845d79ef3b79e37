"""Handlers: a function of the event's payload. Returning is success, raising is failure."""

from __future__ import annotations

from typing import Any


async def welcome(payload: dict[str, Any]) -> None:
    """Greet whoever signed up."""
    print(f"welcome, {payload['name']}")


async def thank(payload: dict[str, Any], *, words: str) -> None:
    """Thank for an order; the words come from `with:` in routes.yaml."""
    print(f"{words}, order {payload['order']} over {payload['total']}")
