"""Times as text, for output."""

from __future__ import annotations

from datetime import UTC, datetime


def time_text(seconds: float) -> str:
    """Format seconds since the epoch as ISO 8601, in UTC; empty for 0 and for what is not a time."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else ""
    except (TypeError, ValueError, OverflowError, OSError):
        return ""
