"""The longest time that a service takes to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamroute.config.document import Document

_BEYOND_GRACE: Final = 15.0  # seconds to write outcomes and close everything


def max_stop_seconds(document: Document) -> float:
    """Return the maximum seconds from the request to stop until everything is closed."""
    graces = [stream.grace for stream in document.streams.values() if document.served(stream.name)]
    return max(graces, default=0.0) + _BEYOND_GRACE
