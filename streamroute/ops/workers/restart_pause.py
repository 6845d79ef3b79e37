"""Restart pause: how long a supervisor waits before it starts a worker again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestartPauses:
    """The settings, in seconds.

    ``longest_at_work`` limits the pause after a worker that had started: a message may have crashed it, and
    other messages wait for the next worker. A crash after ``steady`` counts as the first in a row.
    ``unreachable`` is the range of pauses in an outage of Redis.
    """

    first: float = 0.5
    longest: float = 30.0
    longest_at_work: float = 5.0
    steady: float = 60.0
    unreachable: tuple[float, float] = (1.0, 2.0)

    def while_unreachable(self) -> float:
        """Return the pause after a worker that could not reach Redis, randomized to spread the restarts."""
        return round(random.uniform(*self.unreachable), 1)  # noqa: S311 - jitter, not a secret


class CrashPauses:
    """The pauses of one worker, doubled with each crash in a row up to a limit."""

    def __init__(self, settings: RestartPauses | None = None) -> None:
        self._settings = settings or RestartPauses()
        self._next = self._settings.first

    def after_crash(self, ran_for: float, *, at_work: bool) -> float:
        """Return the pause after a crash; it ran for ``ran_for`` seconds; ``at_work``: it had started."""
        settings = self._settings
        longest = settings.longest_at_work if at_work else settings.longest
        pause = settings.first if ran_for > settings.steady else min(self._next, longest)
        self._next = min(2 * pause, settings.longest)
        return pause
