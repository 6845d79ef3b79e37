"""How far a drain is, as one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from streamroute.text.counted import pluralize
from streamroute.text.display_width import shorten

if TYPE_CHECKING:
    from streamroute.adapters.groups.stats import GroupStats

_BAR: Final = 24  # columns


class DrainText:
    """Writes the line; remembers how many entries there were at most."""

    def __init__(self) -> None:
        self._most = 0

    def line(self, groups: Iterable[GroupStats], width: int) -> str:
        """Return a line of at most ``width`` columns: a bar, and what is left of the groups' entries.

        Streams that are paused are left out: a drain does not wait for them. What the server does not know
        counts as nothing.
        """
        waiting = [group for group in groups if ("", "manual") not in group.paused]
        scheduled = sum(group.scheduled or 0 for group in waiting)
        left = sum((group.unread or 0) + (group.pending or 0) for group in waiting) + scheduled
        self._most = max(self._most, left)
        done = 1 - left / self._most if self._most else 0.0
        filled = int(_BAR * done)
        bar = f"draining  [{'#' * filled}{'-' * (_BAR - filled)}]  {done:4.0%}"
        retries = f", {scheduled:,} {'waits' if scheduled == 1 else 'wait'} for a retry" if scheduled else ""
        return shorten(f"{bar}  {pluralize(left, 'entry', 'entries')} left{retries}", width)
