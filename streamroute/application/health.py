"""The health of an application."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """Whether an application processes messages; ``problems`` says in sentences why it does not.

    A liveness probe that restarts the process should fail while ``ok`` is false.
    """

    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems
