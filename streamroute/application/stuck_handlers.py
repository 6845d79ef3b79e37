"""Stuck handlers that stop the application: those of streams with ``on_stuck: exit``."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)


def _keep_running() -> None:
    """Default for ``stop``."""


class StuckHandlers:
    """The streams of which a handler is stuck, in order; ``stop`` is called for each."""

    def __init__(self) -> None:
        self.streams: list[str] = []
        self.stop: Callable[[], None] = _keep_running

    def add(self, stream: str) -> None:
        """A handler of this stream is stuck: a process that goes on cannot end it, and a new one can."""
        log.error("a handler of %s is stuck; the application stops (on_stuck: exit)", stream)
        self.streams.append(stream)
        self.stop()

    @property
    def problem(self) -> str:
        """The problem in one line; empty without one."""
        streams = ", ".join(self.streams)
        return f"stopped, since a handler of {streams} is stuck (on_stuck: exit)" if streams else ""
