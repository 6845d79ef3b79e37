"""Steps: how much is worked out of types before they count as unknown.

A schema may hold itself, and each step of a path doubles what it can be: three hundred bytes ask for hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from streamroute.errors import StreamrouteError

PER_EXPRESSION: Final = 50_000
"""Steps of one expression, a few tenths of a second; a long filter over a large schema takes hundreds."""

PER_CONFIGURATION: Final = 2_000_000
"""Steps of all expressions of a configuration: some seconds."""


class TooManyStepsError(StreamrouteError):
    """Raised where the types of an expression take more steps than they may."""


class StepBudget:
    """The steps that are left."""

    def __init__(self, left: int = PER_CONFIGURATION) -> None:
        self.left = left

    @contextmanager
    def limited(self, most: int = PER_EXPRESSION) -> Iterator[None]:
        """Count the steps that are taken inside; raises TooManyStepsError there after ``most`` of them."""
        here = StepBudget(min(most, self.left))
        given, token = here.left, _running.set(here)
        try:
            yield
        finally:
            _running.reset(token)
            self.left = max(0, self.left - (given - here.left))


_running: ContextVar[StepBudget | None] = ContextVar("steps", default=None)


def count_steps(number: int) -> None:
    """Count steps, where somebody counts; raises TooManyStepsError when they are used up."""
    steps = _running.get()
    if steps is None:
        return
    steps.left -= number
    if steps.left < 0:
        raise TooManyStepsError
