"""Messages to guests."""

from __future__ import annotations

from typing import Any, Final

from shop.wiring import Container

TEXTS: Final = {
    "confirmation": "booking {booking} is confirmed",
    "apology": "we are sorry about booking {booking}",
}


async def welcome_vip(payload: dict[str, Any], container: Container) -> None:
    """Greet a guest by name."""
    guest = payload["guest"]
    container.outbox.send(guest["email"], f"welcome back, {guest['name']}")


async def send(payload: dict[str, Any], container: Container, *, template: str) -> None:
    """Send one of the texts; which one, the route says under `with:`."""
    container.outbox.send(payload["guest"]["email"], TEXTS[template].format(booking=payload["booking"]))
