"""What a built-in handler tells the compiler about itself, by attributes: neither imports the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

NEEDS: Final = "__streamroute_needs__"
CHECK: Final = "__streamroute_check__"

F = TypeVar("F", bound=Callable[..., Any])


class ArgumentProblem(NamedTuple):
    """Something wrong with a key of ``with:``, or (None) with the handler itself."""

    key: str | None
    message: str
    help: str | None = None


Check = Callable[[Mapping[str, Any], Sequence[str]], Iterable[ArgumentProblem]]
"""Looks at the arguments of a route, and at the streams that it takes messages from."""


def built_in(*, check: Check, needs: str | None = None) -> Callable[[F], F]:
    """Declare a handler: how its arguments are checked, and what it takes in the container's place."""

    def declare(handler: F) -> F:
        vars(handler)[CHECK] = check
        if needs is not None:
            vars(handler)[NEEDS] = needs
        return handler

    return declare
