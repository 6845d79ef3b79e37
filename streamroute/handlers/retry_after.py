"""The header Retry-After: how long a receiver wants the client to wait.

Source: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_MAX_SECONDS: Final = 86_400.0  # seconds; a longer wait is cut to this
_MAX_TEXT_LENGTH: Final = 100  # characters of a date
_SECONDS: Final = re.compile("[0-9]+")


def seconds_of(retry_after: str | None) -> float | None:
    """Seconds to wait, at most a day; None if the header is missing, or neither seconds nor a date."""
    text = (retry_after or "").strip()
    text = text.lstrip("0") or text[:1]
    if _SECONDS.fullmatch(text):
        return _MAX_SECONDS if len(text) > len(str(_MAX_SECONDS)) else min(float(text), _MAX_SECONDS)
    if not text or len(text) > _MAX_TEXT_LENGTH or not text.isascii():
        return None
    try:
        due = parsedate_to_datetime(text)
        seconds = (due.replace(tzinfo=due.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):  # raised by the parser for malformed dates
        return None
    return min(max(seconds, 0.0), _MAX_SECONDS)
