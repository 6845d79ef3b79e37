"""Limits how long one step of a coroutine may block the event loop."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Final, cast

from streamroute.system.alarm import alarm

_REPEAT: Final = 1.0  # seconds between interruptions of code that continues after the first


class LoopBlockedError(BaseException):
    """Raised in code that blocks the event loop for too long.

    It is not an Exception: code that tries again after any error must not ignore it.
    """


class LimitedSteps:
    """The part of the coroutine interface that a task uses; ``limit`` may be set at any time.

    A step that blocks the event loop for more than ``limit`` seconds (None: forever) is interrupted. That
    works in the main thread alone.
    """

    __slots__ = ("_coroutine", "limit")

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self.limit: float | None = None

    def as_coroutine(self) -> Coroutine[Any, Any, None]:
        """Return itself, for a task."""
        return cast("Coroutine[Any, Any, None]", self)

    def send(self, value: Any) -> Any:
        """Run one step."""
        if self.limit is None:
            return self._coroutine.send(value)
        with alarm(self.limit, self._interrupt, repeat=_REPEAT):
            return self._coroutine.send(value)

    def throw(self, error: BaseException) -> Any:
        """Run one step that begins with an exception."""
        if self.limit is None:
            return self._coroutine.throw(error)
        with alarm(self.limit, self._interrupt, repeat=_REPEAT):
            return self._coroutine.throw(error)

    def close(self) -> None:
        """Close the coroutine."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, None, None]:
        return self._coroutine.__await__()

    def _interrupt(self) -> None:
        raise LoopBlockedError(f"it blocked the event loop for {self.limit:g} s")
