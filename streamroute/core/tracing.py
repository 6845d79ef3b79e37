"""Tracing: what wraps the messages and handlers of a pipeline, if ``serve --traces`` is on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from streamroute.core.router import HandlerFunc

ProcessMessage = Callable[[dict[str, Any]], Awaitable[None] | None]
"""Processes a message: returns what to await, or None if the message has been handled already."""

TracedMessage = Callable[[dict[str, Any]], Awaitable[None]]


async def finished(rest: Awaitable[None] | None) -> None:
    """Await what a ``ProcessMessage`` returned."""
    if rest is not None:
        await rest


class Tracing(Protocol):
    """Wraps functions so that each call has a span; a wrapper returns and raises what the function does.

    Without tracing nothing is wrapped. Wrappers must not fail by themselves: a message never depends on them.
    """

    def trace_messages(self, process: ProcessMessage, stream: str) -> TracedMessage:
        """Wrap the processing of one message of a stream."""
        ...

    def trace_handler(self, run: HandlerFunc, route: str) -> HandlerFunc:
        """Wrap the handler of a route."""
        ...
