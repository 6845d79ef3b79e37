"""The lag of an event loop, measured even while the loop is blocked."""

from __future__ import annotations

import asyncio

from consuming import eventually
from streamroute.ops.metrics.event_loop_lag import EventLoopLag
from streamroute.ops.serve.background import in_background


class Clock:
    """A clock that the test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_lag_of_a_blocked_loop_grows() -> None:
    clock = Clock()
    loop_lag = EventLoopLag(clock)
    assert loop_lag.lag == 0
    clock.now += 5.25
    assert loop_lag.lag == 5
    clock.now += 1
    assert loop_lag.lag == 6


async def test_a_late_loop_reports_its_lag_until_the_next_beat() -> None:
    clock = Clock()
    loop_lag = EventLoopLag(clock)
    async with in_background(loop_lag.measure()):
        await asyncio.sleep(0)
        clock.now += 3.25
        await eventually(lambda: loop_lag._late == 3)
        assert loop_lag.lag == 3
        await eventually(lambda: loop_lag.lag == 0)  # the clock stands still: the beats after it are early
