"""Payments. A plain function will do as a handler: it runs in a thread."""

from __future__ import annotations

from typing import Any

from shop.wiring import Container
from streamroute import Reject


def charge(payload: dict[str, Any], container: Container) -> None:
    """Charge the guest; a booking without a price can never be charged, however often it is tried."""
    if "price" not in payload:
        raise Reject("the booking has no price")
    container.outbox.send("bank", f"charge {payload['price']} for booking {payload['booking']}")


def refund(payload: dict[str, Any], container: Container) -> None:
    """Give back what was paid."""
    container.outbox.send("bank", f"refund {payload['paid']} for booking {payload['booking']}")
