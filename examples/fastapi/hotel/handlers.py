"""What happens to bookings, behind the request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Hotel:
    """The container: what the app and the handlers share. Stands for a database."""

    bookings: dict[str, str] = field(default_factory=dict)


async def reserve(payload: dict[str, Any], hotel: Hotel) -> None:
    """Reserve a room; running twice for one booking changes nothing."""
    hotel.bookings[payload["booking"]] = f"reserved for {payload['nights']} nights"


async def ask_manager(payload: dict[str, Any], hotel: Hotel) -> None:
    """Leave a long stay to a person."""
    hotel.bookings[payload["booking"]] = "waits for the manager"
