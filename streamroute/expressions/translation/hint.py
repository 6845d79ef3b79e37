"""A hint: what is wrong with an expression's syntax, and what to write instead."""

from __future__ import annotations

from typing import NamedTuple

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.syntax_errors import SYNTAX
from streamroute.expressions.translation.translate import MAX_ADVICE_LENGTH, translate, without_problems


class SyntaxHint(NamedTuple):
    """What is wrong, what to write instead, and the place, if it is not the unexpected token."""

    message: str
    help: str | None = None
    location: tuple[int, int] | None = None

    def at(self, start: int, end: int | None) -> Problem:
        """The problem at the hint's own place, else at these offsets."""
        is_one_line = self.help is not None and "\n" not in self.help  # multi-line advice is unreadable
        advice = self.help if is_one_line else None
        return Problem(SYNTAX, self.message, *(self.location or (start, end)), help=advice, fatal=True)


def write(expression: str) -> str | None:
    """Advice to write this, if it is short and valid JMESPath."""
    text = expression.strip()
    if not text or len(text) > MAX_ADVICE_LENGTH or "\n" in text:
        return None
    final = translate(text) or without_problems(text)
    return f"write {final}" if final else None
