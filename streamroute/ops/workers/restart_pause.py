"""Restart pause: how long a supervisor waits before it starts a worker again."""

from __future__ import annotations

import random
from typing import Final

_FIRST: Final = 0.5  # seconds
_LONGEST: Final = 30.0
_LONGEST_AT_WORK: Final = 5.0  # messages that kill their workers leave the service without one for no longer
_STEADY: Final = 60.0  # seconds after which a crash counts as the first one in a row
_UNREACHABLE: Final = (1.0, 2.0)  # seconds; at random, so that workers do not all start at once


class RestartPause:
    """The pauses of one worker, in seconds: twice as long with each crash in a row, up to a longest one."""

    def __init__(self) -> None:
        self._next = _FIRST

    def after_crash(self, lasted: float, *, at_work: bool) -> float:
        """The pause after a crash of a worker that ran for so many seconds.

        At most five seconds where it was ``at_work``: a message may have ended it, and others wait for the
        next worker. Half a minute where it had not come to that.
        """
        longest = _LONGEST_AT_WORK if at_work else _LONGEST
        pause = _FIRST if lasted > _STEADY else min(self._next, longest)
        self._next = min(2 * pause, _LONGEST)
        return pause


def pause_while_unreachable() -> float:
    """The pause after a worker that could not reach Redis: always short."""
    return round(random.uniform(*_UNREACHABLE), 1)  # noqa: S311 - jitter, not a secret
