"""What happens to events of orders."""

from __future__ import annotations

from typing import Any


async def confirm(payload: dict[str, Any], container: None) -> None:
    """Confirm an order."""
    print(f"order {payload['number']}: confirmed to {payload['guest']}")


async def thank(payload: dict[str, Any], container: None) -> None:
    """Thank for a long stay."""
    print(f"order {payload['number']}: thanks to {payload['guest']}")
