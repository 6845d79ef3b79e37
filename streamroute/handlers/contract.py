"""Attributes by which the compiler knows a built-in handler: neither imports the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

NEEDS: Final = "__streamroute_needs__"
CHECK: Final = "__streamroute_check__"

F = TypeVar("F", bound=Callable[..., Any])


class ArgumentProblem(NamedTuple):
    """A problem of a key of ``with:``, or (None) of the handler itself."""

    key: str | None
    message: str
    help: str | None = None


Check = Callable[[Mapping[str, Any], Sequence[str]], Iterable[ArgumentProblem]]
"""Checks the arguments of a route, given the streams that it takes messages from."""


def built_in(*, check: Check, needs: str | None = None) -> Callable[[F], F]:
    """Declare a handler: the check of its arguments, and the resource that replaces the container."""

    def declare(handler: F) -> F:
        vars(handler)[CHECK] = check
        if needs is not None:
            vars(handler)[NEEDS] = needs
        return handler

    return declare
