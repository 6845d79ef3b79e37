"""Timers take as much longer as the clock passes slower."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from measuring import HERE
from slow_clock import slow_loop

_BY = 10


@pytest.mark.parametrize("fast", [False, True])
def test_a_timer_ends_when_the_slow_clock_says_so(fast: bool) -> None:
    if fast:
        pytest.importorskip("uvloop", reason="uvloop is not installed: the extra fast")
    code = (
        "import asyncio, time\n"
        "actual = time.monotonic\n"
        "from slow_clock import slow_down, slow_loop\n"
        f"slow_down({_BY})\n"
        "async def main():\n"
        "    began, slow = actual(), time.monotonic()\n"
        "    await asyncio.sleep(0.02)\n"
        "    slow = time.monotonic() - slow\n"
        "    print(asyncio.get_running_loop().time(), slow, actual() - began, actual())\n"
        f"with asyncio.Runner(loop_factory=slow_loop({_BY}, {fast})) as runner:\n"
        "    runner.run(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE / "variants", capture_output=True, text=True, check=True
    )
    loop_now, slow, took, now = map(float, done.stdout.split())
    resolution = 0.001 * _BY  # uvloop counts milliseconds
    assert took >= 0.02 * _BY - resolution
    assert slow <= took / _BY
    assert loop_now <= now / _BY


@pytest.mark.parametrize("fast", [False, True])
def test_an_event_is_not_delayed(fast: bool) -> None:
    if fast:
        pytest.importorskip("uvloop", reason="uvloop is not installed: the extra fast")
    with asyncio.Runner(loop_factory=slow_loop(1_000_000, fast)) as runner:
        assert runner.run(asyncio.to_thread(int)) == 0
