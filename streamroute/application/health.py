"""The health of an application."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """Whether an application processes messages; ``problems`` says in sentences why it does not.

    A restart helps against stuck handlers; an outage of Redis ends without one.

    >>> app.health()  # doctest: +SKIP
    Health(problems=())
    """

    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems
