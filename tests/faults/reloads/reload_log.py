"""The results of reloads, read from the log of ``serve``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from worker_process import Worker

_RESULT: Final = re.compile(r"reloaded (\w+) -> (\w+) in |refused, generation (\w+) keeps running: ([^\n]*)")


class LoggedResult(NamedTuple):
    """A reload that was applied, or was refused: then ``after`` is empty."""

    before: str
    after: str
    reason: str


class ReloadLog:
    """The results so far, in order."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._read = 0
        self._results: list[LoggedResult] = []

    def results(self) -> list[LoggedResult]:
        """Read what is new; return all results."""
        text = self._worker.log
        end = text.rfind("\n") + 1
        for found in _RESULT.finditer(text, self._read, end):
            before, after, stayed, reason = (group or "" for group in found.groups())
            self._results.append(LoggedResult(before or stayed, after, reason))
        self._read = end
        return self._results
