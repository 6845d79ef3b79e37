"""The payload is the event's data; its attributes are beside it, as strings."""

from __future__ import annotations

from typing import Any


async def warn(payload: dict[str, Any], container: None) -> None:
    """Say that a bed is too warm."""
    print(f"{payload['subject']}: {payload['celsius']} degrees at {payload['time']}")


async def note(payload: dict[str, Any], container: None) -> None:
    """Say what happened."""
    print(f"{payload['type']} from {payload['source']}")
