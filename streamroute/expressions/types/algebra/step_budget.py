"""A step budget for types: types count as unknown when it is spent.

Schemas may be recursive, and each step of a path may double the alternatives: 300 bytes can take hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from streamroute.errors import StreamrouteError

PER_EXPRESSION: Final = 50_000
"""Steps for one expression, a few tenths of a second; a long filter over a large schema takes hundreds."""

PER_CONFIGURATION: Final = 2_000_000
"""Steps for all expressions of a configuration: some seconds."""


class TooManyStepsError(StreamrouteError):
    """Raised if the types of an expression take too many steps."""


class StepBudget:
    """The remaining steps."""

    def __init__(self, remaining: int = PER_CONFIGURATION) -> None:
        self.remaining = remaining

    @contextmanager
    def limited(self, most: int = PER_EXPRESSION) -> Iterator[None]:
        """Limit the steps in this context: ``count_steps`` raises TooManyStepsError after ``most``."""
        budget = StepBudget(min(most, self.remaining))
        granted, token = budget.remaining, _running.set(budget)
        try:
            yield
        finally:
            _running.reset(token)
            self.remaining = max(0, self.remaining - (granted - budget.remaining))


_running: ContextVar[StepBudget | None] = ContextVar("steps", default=None)


def count_steps(number: int) -> None:
    """Count steps if a budget is active. Raises TooManyStepsError if it is spent."""
    steps = _running.get()
    if steps is None:
        return
    steps.remaining -= number
    if steps.remaining < 0:
        raise TooManyStepsError
