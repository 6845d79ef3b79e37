"""A mutant: one small change of one source file, with its display, its explanation and its application."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """``source[start:end]`` of a file replaced; to notice it, a test must run one of the lines first to last.

    Offsets count characters. ``function`` is the qualified name of its scope, "" at module level.
    """

    path: str
    operator: str
    start: int
    end: int
    replacement: str
    line: int
    first_line: int
    last_line: int
    function: str
    before: str
    after: str

    def apply(self, source: str) -> str:
        """Return the mutated source."""
        return source[: self.start] + self.replacement + source[self.end :]

    def key(self, source: str) -> str:
        """Return the key of its results: the same for the same change of the same text of a file."""
        parts = (self.path, source, str(self.start), str(self.end), self.replacement)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.before}  →  {self.after}"


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement by offsets, found by an operator; ``scope`` are the lines that run when it does."""

    operator: str
    start: int
    end: int
    replacement: str
    scope: tuple[int, int]
    function: str = ""


def mutants_of(path: str, source: str, edits: list[Edit]) -> list[Mutant]:
    """Return the edits in the order of the file, each with the lines before and after it."""
    ordered = sorted(edits, key=lambda edit: (edit.start, edit.end, edit.replacement))
    return [_mutant(path, source, edit) for edit in dict.fromkeys(ordered)]


def _mutant(path: str, source: str, edit: Edit) -> Mutant:
    begins = source.rfind("\n", 0, edit.start) + 1
    ends = source.find("\n", edit.start)
    before = source[begins:] if ends < 0 else source[begins:ends]
    # Text after a removed part of a line belongs to the displayed line.
    mutated = source[begins : edit.start] + edit.replacement + source[edit.end :]
    return Mutant(
        path=path,
        operator=edit.operator,
        start=edit.start,
        end=edit.end,
        replacement=edit.replacement,
        line=source.count("\n", 0, edit.start) + 1,
        first_line=edit.scope[0],
        last_line=edit.scope[1],
        function=edit.function,
        before=before.strip(),
        after=mutated.partition("\n")[0].strip(),
    )
