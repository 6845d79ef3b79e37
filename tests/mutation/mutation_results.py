"""How mutants ended, kept in a file, so that a run can be taken up again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Result:
    """How a mutant ended; ``tests`` is a digest of those that ran: others may catch what these did not."""

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
        """Keep a result, at once."""
        self._results[result.key] = result
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result)) + "\n")

    def last(self, key: str) -> Result | None:
        """How a mutant ended the last time, or None."""
        return self._results.get(key)

    def valid(self, key: str, tests: str) -> Result | None:
        """The same, unless it survived other tests than those of today."""
        result = self._results.get(key)
        return result if result is not None and (result.caught or result.tests == tests) else None
