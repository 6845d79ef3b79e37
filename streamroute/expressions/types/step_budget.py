"""A budget of steps for types: when it is spent, they count as unknown.

Schemas may refer to themselves, and each step of a path may double the alternatives: three hundred bytes can
take hours.
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
    """Raised when the types of an expression take more steps than allowed."""


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
    """Count steps, if a budget is active; raises TooManyStepsError when it is spent."""
    steps = _running.get()
    if steps is None:
        return
    steps.left -= number
    if steps.left < 0:
        raise TooManyStepsError
