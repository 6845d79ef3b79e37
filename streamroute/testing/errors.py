"""The errors of a test app."""

from __future__ import annotations

from streamroute.errors import StreamrouteError


class NotSettledError(StreamrouteError, AssertionError):
    """Raised when a test app does not come to rest in time; the text names the handlers that still run."""
