"""``survivors.toml``: mutants that no test can or need catch, each with its reason.

An entry names the file, the line before and after, and, if one file has several such lines, the function.
It has no line numbers, so that it survives edits above it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mutant import Mutant

FILE = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True, slots=True)
class Explanation:
    """The reason why a mutant may survive."""

    file: str
    before: str
    after: str
    reason: str
    function: str | None = None

    def __str__(self) -> str:
        return f"{self.file}: {self.before}  →  {self.after}"

    def matches(self, mutant: Mutant) -> bool:
        """Whether this explains the mutant."""
        lines = (self.file, self.before, self.after)
        is_there = self.function is None or self.function == mutant.function
        return is_there and lines == (mutant.path, mutant.before, mutant.after)


def load_explanations(file: Path = FILE) -> list[Explanation]:
    """Return all entries. Raise ValueError for one without a reason, and TypeError for unknown keys."""
    entries = tomllib.loads(file.read_text("utf-8")).get("survivor", [])
    explanations = [Explanation(**entry) for entry in entries]
    for explanation in explanations:
        if not explanation.reason.strip():
            raise ValueError(f"{explanation.file}: {explanation.before}: no reason is given")
    return explanations


def flaws_of(explanations: Iterable[Explanation], mutants: Iterable[Mutant]) -> list[str]:
    """Return the errors of explanations, given all mutants of their files: no match, or several."""
    by_lines: dict[tuple[str, str, str], list[Mutant]] = {}
    for mutant in mutants:
        by_lines.setdefault((mutant.path, mutant.before, mutant.after), []).append(mutant)
    problems = []
    for explanation in explanations:
        alike = by_lines.get((explanation.file, explanation.before, explanation.after), [])
        functions = {mutant.function for mutant in alike if explanation.matches(mutant)}
        if not functions:
            problems.append(f"{explanation}: there is no such mutant")
        elif len(functions) > 1:
            problems.append(f"{explanation}: name the function, one of {', '.join(sorted(functions))}")
    return problems
