"""Which signals are one request, and which ones are a second."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from streamroute.cli.signals import stopping_on_signals


class Left(BaseException):
    """Raised in place of the end of the process."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets what the signal handlers take for the time; leaving raises Left."""
    now = [100.0]

    def leave(code: int) -> None:
        raise Left(code)

    def set_to(seconds: float) -> None:
        now[0] = 100.0 + seconds

    monkeypatch.setattr("streamroute.cli.signals.time.monotonic", lambda: now[0])
    monkeypatch.setattr("streamroute.cli.signals.os._exit", leave)
    monkeypatch.setattr("streamroute.cli.signals.say_at_once", lambda *_: None)
    return set_to


async def _signalled(clock: Callable[[float], None], *moments: float, leaves: bool = True) -> list[str]:
    """What is called where SIGTERM comes at these seconds."""
    called: list[str] = []
    with stopping_on_signals(
        lambda: called.append("stop"),
        begun=lambda: called.append("begun"),
        leaving=lambda: called.append("leaving"),
        leaves=leaves,
    ):
        for moment in moments:
            clock(moment)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
    return called


async def test_signals_within_half_a_second_are_one(clock: Callable[[float], None]) -> None:
    assert await _signalled(clock, 0.0, 0.01, 0.2, 0.49) == ["begun", "stop"]


async def test_half_a_second_later_it_is_the_second(clock: Callable[[float], None]) -> None:
    """Counted from the first: a wrapper that signals again and again does end the process."""
    with pytest.raises(Left, match=str(128 + signal.SIGTERM)):
        await _signalled(clock, 0.0, 0.3, 0.6)


async def test_a_worker_under_a_supervisor_takes_each_for_the_first(clock: Callable[[float], None]) -> None:
    assert await _signalled(clock, 0.0, 5.0, 60.0, leaves=False) == ["begun", "stop"]
