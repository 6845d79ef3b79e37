"""Detects cancellations that redis-py swallows."""

from __future__ import annotations

import asyncio


class SwallowedCancellation:
    """Detects a swallowed cancellation of the current task.

    redis-py connects and sends within ``asyncio.wait_for``, which before Python 3.12 swallows a cancellation
    that arrives together with the result.
    """

    __slots__ = ("_before", "_task")

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._before = self._task.cancelling() if self._task else 0

    def raise_if_swallowed(self) -> None:
        if self._task is not None and self._task.cancelling() > self._before:
            raise asyncio.CancelledError
