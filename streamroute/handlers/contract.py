"""Attributes by which the compiler recognizes built-in handlers, without importing them or vice versa."""

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
"""Checks a route's arguments, given the streams that it consumes."""


def built_in(*, check: Check, needs: str | None = None) -> Callable[[F], F]:
    """Declare a built-in handler: its argument check, and the resource that replaces the container."""

    def declare(handler: F) -> F:
        vars(handler)[CHECK] = check
        if needs is not None:
            vars(handler)[NEEDS] = needs
        return handler

    return declare
