"""Errors of the board that a page answers."""

from __future__ import annotations

from streamroute.errors import StreamrouteError


class PageNotFoundError(StreamrouteError):
    """Raised by a page whose address names something that does not exist; the text says what."""


class InvalidInputError(StreamrouteError):
    """Raised by a page whose address or form has an invalid value; the text says which."""


class BoardBusyError(StreamrouteError):
    """Raised by a page whose visitor would wait too long for a turn or for the work itself."""
