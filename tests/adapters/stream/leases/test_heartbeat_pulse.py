"""Whether an event loop is still responsive, checked from another thread."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from streamroute.adapters.stream.leases.heartbeat import LoopIsClosedError, LoopMonitor


class Loop:
    """An event loop that runs its callbacks when the test says so."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def call_soon_threadsafe(self, function: Any) -> None:
        self.requests.append(function)

    def come_round(self) -> None:
        """Call everything."""
        for function in self.requests:
            function()
        self.requests.clear()


class Clock:
    """A clock set by the test."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("streamroute.adapters.stream.leases.heartbeat.time.monotonic", made)
    return made


def test_a_loop_is_probed_regularly_and_silent_since_the_probe(clock: Clock) -> None:
    loop: Any = Loop()
    pulse = LoopMonitor(loop)
    clock.now = 100.9
    assert pulse.silence(1.0) == 0
    assert loop.requests == []
    clock.now = 101.0
    assert pulse.silence(1.0) == 0
    assert len(loop.requests) == 1
    clock.now = 104.0
    assert pulse.silence(1.0) == 3.0
    assert len(loop.requests) == 1
    loop.come_round()
    assert pulse.silence(9.0) == 0
    assert loop.requests == []
    assert pulse.silence(1.0) == 0
    assert len(loop.requests) == 1
    clock.now = 104.5
    assert pulse.silence(1.0) == 0.5


def test_an_ended_loop_has_a_separate_error() -> None:
    loop = asyncio.new_event_loop()
    pulse = LoopMonitor(loop)
    loop.close()
    with pytest.raises(LoopIsClosedError):
        pulse.call(lambda: None)


async def test_functions_are_called_in_the_loop() -> None:
    loop, called = asyncio.get_running_loop(), asyncio.Event()
    threads: list[threading.Thread] = []

    def note() -> None:
        threads.append(threading.current_thread())
        called.set()

    pulse = LoopMonitor(loop)
    await asyncio.to_thread(pulse.call, note)
    await called.wait()
    assert threads == [threading.current_thread()]
