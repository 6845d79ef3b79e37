"""The results of mutants, kept in a file, so that a run can be resumed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a mutant; ``tests`` is a digest of those that ran, because others may still catch it."""

    key: str
    caught: bool
    by: str
    tests: str
    seconds: float


class ResultFile:
    """Results by the mutant's key; the last one of a key is valid."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._results: dict[str, Result] = {}
        if file.exists():
            for line in file.read_text("utf-8").splitlines():
                result = Result(**json.loads(line))
                self._results[result.key] = result

    def add(self, result: Result) -> None:
        """Write a result at once."""
        self._results[result.key] = result
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result)) + "\n")

    def last(self, key: str) -> Result | None:
        """Return a mutant's last result, or None."""
        return self._results.get(key)

    def valid(self, key: str, tests: str) -> Result | None:
        """Return the last result, unless the mutant survived other tests than today's."""
        result = self._results.get(key)
        return result if result is not None and (result.caught or result.tests == tests) else None
