"""How many messages of a job may wait in the retry stream, so that new messages wait little behind them.

Workers take what waits in the retry stream before new messages. A job therefore adds only what the workers
process in a tenth of a second, as measured.
"""

from __future__ import annotations

from typing import Final

_SECONDS: Final = 0.1
_LEAST: Final = 4
_MOST: Final = 200
_WEIGHT: Final = 0.5  # of the latest measurement


class WaitingWindow:
    """The number of messages that may wait; starts low, and follows the rate at which they are processed."""

    def __init__(self) -> None:
        self._rate = 0.0  # messages a second
        self._waiting = 0
        self._at = 0

    @property
    def size(self) -> int:
        """The number of messages that may wait now, running ones included."""
        return min(_MOST, max(_LEAST, int(self._rate * _SECONDS)))

    @property
    def room(self) -> int:
        """How many may be added now; at least one, which the script refuses if there is no room."""
        return max(1, self.size - self._waiting)

    def note(self, time: int, waiting: int, added: int) -> None:
        """Record that ``waiting`` messages wait at ``time`` (ms), of which ``added`` were added just now."""
        before = waiting - added
        if self._at and time > self._at:
            drained = max(0, self._waiting - before) * 1000 / (time - self._at)
            self._rate += _WEIGHT * (drained - self._rate) if self._waiting else 0.0
        self._waiting, self._at = waiting, time
