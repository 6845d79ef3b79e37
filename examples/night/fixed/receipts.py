"""Receipts of paid orders, whose totals may be written with a comma."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def write(payload: dict[str, Any]) -> None:
    """Write the receipt of an order."""
    total = float(payload["total"].replace(",", "."))
    with Path("receipts").open("a", encoding="utf-8") as file:
        file.write(f"{payload['order']} {total:.2f}\n")
