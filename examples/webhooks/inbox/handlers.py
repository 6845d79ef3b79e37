"""What happens to webhooks, behind the stream: slow or failing work never reaches the sender."""

from __future__ import annotations

from typing import Any, TextIO


async def note(payload: dict[str, Any], notes: TextIO, *, text: str) -> None:
    """Write one line."""
    notes.write(f"{text} in {payload['repository']['full_name']}\n")
    notes.flush()
