"""Restart pause: how long a supervisor waits before it starts a worker again."""

from __future__ import annotations

import random
from typing import Final

_FIRST: Final = 0.5  # seconds
_LONGEST: Final = 30.0
_STEADY: Final = 60.0  # seconds after which a crash counts as the first one in a row
_UNREACHABLE: Final = (1.0, 2.0)  # seconds; at random, so that workers do not all start at once


class RestartPause:
    """The pauses of one worker, in seconds: twice as long with each crash in a row, at most half a minute."""

    def __init__(self) -> None:
        self._next = _FIRST

    def after_crash(self, lasted: float) -> float:
        """The pause after a crash of a worker that ran for so many seconds."""
        pause = _FIRST if lasted > _STEADY else self._next
        self._next = min(2 * pause, _LONGEST)
        return pause


def pause_while_unreachable() -> float:
    """The pause after a worker that could not reach Redis: always short."""
    return round(random.uniform(*_UNREACHABLE), 1)  # noqa: S311 - jitter, not a secret
