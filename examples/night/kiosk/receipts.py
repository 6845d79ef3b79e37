"""Receipts of paid orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write(payload: dict[str, Any]) -> None:
    """Write the receipt of an order."""
    total = float(payload["total"])
    with Path("receipts").open("a", encoding="utf-8") as file:
        file.write(f"{payload['order']} {total:.2f}\n")
