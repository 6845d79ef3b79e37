"""BoundedProtocol: uvicorn's HTTP/1.1 connection, with a deadline and a place among a bounded number.

uvicorn closes connections that are idle between requests, but waits for ever for a first request, for the
rest of a body, and for a client that does not read.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

LIVE_STREAM: Final = "streamroute.live"
"""The key in a scope's state that a response sets if it is a stream of events, which has no deadline."""


@dataclass(slots=True)
class ConnectionLimits:
    """The open connections of one server, oldest first.

    ``most`` is their number; ``patience`` the seconds for one request and its response.
    """

    most: int = 256
    patience: float = 30.0
    open: dict[BoundedProtocol, None] = field(default_factory=dict)
    refused: int = 0

    def admit(self, connection: BoundedProtocol) -> None:
        """Take a connection in; if there is no room, close the oldest one, idle ones first."""
        if len(self.open) >= self.most:
            idle = (other for other in self.open if not other.is_responding)
            self.refused += 1
            next(idle, next(iter(self.open))).abort()
        self.open[connection] = None

    def release(self, connection: BoundedProtocol) -> None:
        """Forget a connection that has ended."""
        self.open.pop(connection, None)


def bounded_protocol(limits: ConnectionLimits) -> type[BoundedProtocol]:
    """Return the class of connections for ``uvicorn.Config(http=...)``."""

    class LimitedProtocol(BoundedProtocol):
        connection_limits = limits

    return LimitedProtocol


class BoundedProtocol(H11Protocol):
    """A connection that is aborted if a request and its response take too long."""

    connection_limits: ConnectionLimits
    _deadline: asyncio.TimerHandle | None = None
    _was_stuck = False  # at the last deadline of a live stream

    @property
    def is_responding(self) -> bool:
        """Whether a response is being sent."""
        cycle: RequestResponseCycle | None = (
            self.cycle
        )  # None before the first request, unlike its annotation
        return cycle is not None and not cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base
        """Start the deadline of the first request."""
        super().connection_made(transport)
        self.connection_limits.admit(self)
        self._restart_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the place to another connection."""
        self._stop_deadline()
        self.connection_limits.release(self)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Start the deadline of the next request; idle connections are closed earlier, by uvicorn."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._restart_deadline()

    def abort(self) -> None:
        """Close the connection at once, and discard what is not sent."""
        self._stop_deadline()
        self.connection_limits.release(self)
        self.transport.abort()

    def _restart_deadline(self) -> None:
        self._stop_deadline()
        self._deadline = self.loop.call_later(self.connection_limits.patience, self._on_deadline)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_deadline(self) -> None:
        if not (self.is_responding and _state(self).get(LIVE_STREAM)):
            self.abort()
            return
        if self.flow.write_paused and self._was_stuck:
            self.abort()  # a reader that does not read would keep a place among the live pages for ever
            return
        self._was_stuck = self.flow.write_paused
        self._restart_deadline()


def _state(connection: BoundedProtocol) -> dict[str, Any]:
    state: dict[str, Any] = connection.scope.get("state", {})
    return state
