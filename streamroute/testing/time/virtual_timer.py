"""A timer of virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any, Final

_WAKE: Final = asyncio.futures._set_result_unless_cancelled  # type: ignore[attr-defined]  # noqa: SLF001 - what asyncio.sleep calls


class VirtualTimer(asyncio.TimerHandle):
    """A timer that a virtual clock runs; ``is_background``: it belongs to a consumer's own loops."""

    __slots__ = ("is_background",)

    def __init__(
        self,
        when: float,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context,
        *,
        is_background: bool,
    ) -> None:
        super().__init__(when, callback, args, loop, context)
        self.is_background = is_background

    def cancel(self) -> None:
        """Cancel the timer; the event loop does not know it, so it is not told."""
        asyncio.Handle.cancel(self)

    @property
    def sleeper(self) -> asyncio.Future[Any] | None:
        """The future of ``asyncio.sleep`` that this timer resolves, if it is one."""
        if self.cancelled() or self._callback is not _WAKE:  # type: ignore[attr-defined]  # as asyncio's own
            return None
        future: asyncio.Future[Any] = self._args[0]
        return future

    def run(self) -> None:
        """Run the callback, unless the timer was cancelled meanwhile; the caller sets the context."""
        if not self.cancelled():
            self._callback(*self._args)  # type: ignore[attr-defined]  # as asyncio's own

    @property
    def context(self) -> Context:
        """The context that the callback runs in."""
        context: Context = self._context  # type: ignore[attr-defined]  # as asyncio's own
        return context
