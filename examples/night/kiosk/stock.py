"""What was sold, for the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def take(payload: dict[str, Any]) -> None:
    """Note an order that leaves the warehouse."""
    with Path("sold").open("a", encoding="utf-8") as file:
        file.write(f"{payload['order']}\n")
