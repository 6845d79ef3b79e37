"""A problem: what is wrong in one value of a route, before it is given its place in a file."""

from __future__ import annotations

from typing import NamedTuple

from streamroute.errors import StreamrouteError


class Problem(NamedTuple):
    """One thing that is wrong in a string of the configuration.

    ``code`` names a rule; ``start`` and ``end`` are offsets in the string's value (``end`` is exclusive,
    None is the string's end). ``suggestion`` is the word that was probably meant, and belongs there.
    """

    code: str
    message: str
    start: int = 0
    end: int | None = None
    help: str | None = None
    suggestion: str | None = None

    @property
    def text(self) -> str:
        """The message with its suggestion."""
        return f'{self.message}; did you mean "{self.suggestion}"?' if self.suggestion else self.message

    def overlaps(self, other: Problem) -> bool:
        """Whether both are about some part of the string."""
        return (other.end is None or self.start < other.end) and (self.end is None or other.start < self.end)


class ExpressionError(StreamrouteError):
    """Raised when an expression cannot be compiled; ``problem`` says why and where in it."""

    def __init__(self, expression: str, problem: Problem) -> None:
        super().__init__(f"{expression!r}: {problem.text}")
        self.expression = expression
        self.problem = problem
