"""How the heartbeat thread reaches Redis, and the event loop of the handlers."""

from __future__ import annotations

from collections.abc import Callable

from redis.asyncio import Redis

ClientOf = Callable[[str], Redis]
CallInLoop = Callable[[Callable[[], None]], None]
"""Calls a function in the event loop that runs the handlers."""


class LoopIsClosedError(Exception):
    """Raised when the event loop of the handlers was closed without removing its streams."""
