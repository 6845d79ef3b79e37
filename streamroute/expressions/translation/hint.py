"""A hint: what is wrong with the syntax of an expression, and what to write instead."""

from __future__ import annotations

from typing import NamedTuple

from streamroute.expressions.problem import Problem
from streamroute.expressions.syntax.syntax_errors import SYNTAX
from streamroute.expressions.translation.translate import MAX_ADVICE_LENGTH, translate, without_problems


class SyntaxHint(NamedTuple):
    """What is wrong, what to write instead, and the place, if that is not the unexpected token itself."""

    message: str
    help: str | None = None
    place: tuple[int, int] | None = None

    def at(self, start: int, end: int | None) -> Problem:
        """The problem, at these offsets unless the hint has a place of its own."""
        is_one_line = self.help is not None and "\n" not in self.help  # a part of several lines is no advice
        advice = self.help if is_one_line else None
        return Problem(SYNTAX, self.message, *(self.place or (start, end)), help=advice, fatal=True)


def write(whole: str) -> str | None:
    """Advice to write this, where it is short enough to be read at a glance, and JMESPath."""
    text = whole.strip()
    if not text or len(text) > MAX_ADVICE_LENGTH or "\n" in text:
        return None
    meant = translate(text) or without_problems(text)
    return f"write {meant}" if meant else None
