"""Latest line: the last complete line of a stream that arrives in chunks."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


class LatestLine:
    """Keep the last complete line of at most ``longest`` bytes in ``line``.

    A longer line is dropped, with one warning. Text without a line break is ignored: its writer may have died
    while writing.
    """

    def __init__(self, longest: int) -> None:
        self.line: bytes | None = None
        self._longest = longest
        self._partial = bytearray()
        self._is_too_long = False
        self._has_warned = False

    def feed(self, chunk: bytes) -> None:
        """Take the next chunk."""
        *complete, partial = chunk.split(b"\n")
        for end in complete:
            self._extend(end)
            self._finish()
        self._extend(partial)

    def _extend(self, chunk: bytes) -> None:
        if len(self._partial) + len(chunk) > self._longest:
            self._is_too_long = True
        if not self._is_too_long:
            self._partial += chunk

    def _finish(self) -> None:
        if self._is_too_long:
            self._warn_once()
        elif self._partial:
            self.line = bytes(self._partial)
        self._partial.clear()
        self._is_too_long = False

    def _warn_once(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            log.warning("dropped a worker's report of more than %d bytes", self._longest)
