"""An event loop whose clock jumps to the next timer whenever the loop is idle."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

Value = TypeVar("Value")


_LONGEST: Final = 100_000.0  # seconds; far more than any test waits for
_MAX_TURNS: Final = 200_000


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose time starts at 0. Raises instead of waiting, or iterating, forever."""

    def __init__(self) -> None:
        self._passed = 0.0
        super().__init__(_Selector(self._jump))

    def time(self) -> float:
        """Return the seconds waited so far."""
        return self._passed

    def _jump(self, seconds: float) -> None:
        self._passed += seconds
        if self._passed > _LONGEST:
            raise RuntimeError("what is awaited does not come")


class _Selector(selectors.SelectSelector):
    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._turns += 1
        found = super().select(0)
        if not found:
            if timeout is None or self._turns > _MAX_TURNS:
                raise RuntimeError("what is awaited can never come")
            self._jump(timeout)
        return found


def run_jumping(main: Coroutine[Any, Any, Value]) -> Value:
    """Run a coroutine on a JumpingLoop."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)


async def takes_turns(call: Coroutine[Any, Any, Any]) -> None:
    """Assert that a call yields to other tasks before it ends, and ends without waiting for time to pass."""
    order: list[str] = []

    async def note(name: str, step: Coroutine[Any, Any, Any] | None = None) -> None:
        if step is not None:
            await step
        order.append(name)

    began = asyncio.get_running_loop().time()
    await asyncio.gather(note("call", call), note("other"))
    assert order == ["other", "call"]
    assert asyncio.get_running_loop().time() == began
