"""Problem: what is wrong in one string of the configuration, before it has a place in a file."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from streamroute.errors import StreamrouteError


class Problem(NamedTuple):
    """A problem in a string of the configuration.

    ``code`` names a rule; ``start`` and ``end`` are offsets in the string's value (``end`` is exclusive, None
    is the string's end). ``suggestion`` is the word that was probably meant, to be put there. An expression
    with a ``fatal`` problem cannot be compiled. A ``missing`` problem: the string names something that does
    not exist. A problem with ``once`` is reported for the first of several equal strings only. If it
    ``rewrites`` an expression, ``help`` offers the whole expression, not a part of it. A ``constant``
    problem: a condition has the same truth for every message.
    """

    code: str
    message: str
    start: int = 0
    end: int | None = None
    help: str | None = None
    suggestion: str | None = None
    fatal: bool = False
    missing: bool = False
    once: bool = False
    rewrites: bool = False
    constant: bool = False

    @property
    def text(self) -> str:
        """The message with its suggestion."""
        return f'{self.message}; did you mean "{self.suggestion}"?' if self.suggestion else self.message


class Spans:
    """The parts of a string that some problems refer to."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self._starts: list[int] = []
        self._ends: list[float] = []
        for start, end in sorted((found.start, _end(found)) for found in problems):
            if self._ends and start < self._ends[-1]:
                self._ends[-1] = max(end, self._ends[-1])
            else:
                self._starts.append(start)
                self._ends.append(end)

    def overlap(self, problem: Problem) -> bool:
        """Whether another problem refers to one of these parts, or to a part of one."""
        at = bisect_left(self._starts, _end(problem)) - 1
        return at >= 0 and problem.start < self._ends[at]


def _end(problem: Problem) -> float:
    return inf if problem.end is None else problem.end


class ExpressionError(StreamrouteError):
    """Raised if an expression cannot be compiled; ``problem`` is the reason and its place."""

    def __init__(self, expression: str, problem: Problem) -> None:
        super().__init__(f"{expression!r}: {problem.text}")
        self.expression = expression
        self.problem = problem
