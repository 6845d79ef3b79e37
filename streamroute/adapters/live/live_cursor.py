"""Where one stream is read, and how much of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from streamroute.adapters.redis.exchange import CommandArgs
from streamroute.adapters.redis.replies import text

_FIRST_PAGE: Final = 10  # entries: the first ones may be of 5 MB each
_PAGE: Final = 100
_REPLY_BYTES: Final = 4 * 1024 * 1024


class LiveCursor:
    """Reads one stream after an id (None: not known yet).

    ``is_behind``: the last page was full, so there are probably further entries.
    """

    def __init__(self, stream: str, after: str | None, max_behind: float) -> None:
        self.stream = stream
        self.after = after
        self.is_behind = False
        self._max_behind = max_behind
        self._count = _FIRST_PAGE
        self._has_caught_up = False
        self._behind_since = 0.0
        self._exists = True
        self._refusal = ""

    def commands(self) -> list[CommandArgs]:
        """Return the commands of one step: the next page, and whether the stream exists.

        Source: https://redis.io/docs/latest/commands/xrange/
        """
        after = self.after or "0-0"
        return [("XRANGE", self.stream, f"({after}", "+", "COUNT", self._count), ("EXISTS", self.stream)]

    def found(self, *, exists: bool) -> list[str]:
        """Note whether the stream exists; return a sentence if that has changed."""
        if exists is self._exists and not self._refusal:
            return []
        self._exists, self._refusal = exists, ""
        if exists:
            return [f"{self.stream} exists now"]
        self.after = "0-0"  # a stream that is created again may begin with lower ids
        return [f"{self.stream} does not exist; waiting for its first entry"]

    def refused(self, reason: str) -> list[str]:
        """Note that the stream cannot be read; return a sentence for a new reason."""
        self.is_behind = False
        if reason == self._refusal:
            return []
        self._refusal = reason
        return [reason]

    def read(self, rows: Sequence[Any], now: float) -> bool:
        """Advance past a page; return whether the stream has grown faster than it is read for too long."""
        self.is_behind = len(rows) >= self._count
        if rows:
            self.after = text(rows[-1][0])
            self._count = _next_count(rows)
        if not self.is_behind:
            self._has_caught_up, self._behind_since = True, 0.0
            return False
        self._behind_since = self._behind_since or now
        return self._has_caught_up and now - self._behind_since > self._max_behind

    def skip_to(self, end: str) -> str:
        """Continue at the end of the stream; return a sentence that names what is left out."""
        before, self.after = self.after, end
        self._behind_since, self.is_behind = 0.0, False
        return f"{self.stream} grows faster than it is read: entries from {before} to {end} are left out"


def _next_count(rows: Sequence[Any]) -> int:
    """Return the size of the next page: up to twice as many entries, if they fit into a reply."""
    size = sum(len(part) for _, parts in rows for part in parts or ()) or 1
    return max(1, min(2 * len(rows) + _FIRST_PAGE, _PAGE, len(rows) * _REPLY_BYTES // size))
