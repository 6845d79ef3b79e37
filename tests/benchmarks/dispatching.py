"""What the dispatcher costs a message: ``python tests/benchmarks/dispatching.py`` prints nanoseconds.

In one process, without a server: rows take turns every few milliseconds, hundreds of times, and the quickest
turn of each counts. So a difference of some ten nanoseconds shows even on a busy machine, where whole runs of
a worker (``costs.py``) differ by more than what is to be measured.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from measuring import PAYLOAD

from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.router import RedisRouter
from streamroute.message import Message, first_delivery
from streamroute.ops.metrics.counters import Counters

_TURN: Final = 500  # messages, as many as one read has
_STREAM: Final = "bench"

Process = Callable[[Message], Awaitable[None]]


async def count(_payload: Any, _container: Any) -> None:
    """Handle a message: do nothing."""


vars(count)["route_key"] = "count"


def dispatcher(**settings: Any) -> Process:
    """Return the entrance of a dispatcher with one route."""
    found = BotRedisDispatcher(**settings)
    router = RedisRouter()
    router.message("bench.event", lambda payload: payload["tier"] == "gold" and payload["nights"] >= 3)(count)
    found.include_router(router)
    found.setup(None)
    return found.process_message


def rows() -> dict[str, Process]:
    """Return what is compared; the first is without metrics."""
    counters, recording = Counters({_STREAM: ("count",)}), Counters({_STREAM: ("count",)})
    return {
        "off": dispatcher(),
        "metrics": dispatcher(observer=counters.observe),
        "metrics with histograms": dispatcher(
            observer=recording.observe, recorder=recording.recorded.recorder(_STREAM)
        ),
    }


async def turn(process: Process) -> float:
    """Return the nanoseconds of a message, of one turn."""
    payload = {"type": "bench.event", **PAYLOAD}
    entry_id = f"{int(time.time() * 1000)}-0"
    messages = [first_delivery(payload, entry_id, [], _STREAM, "g", 0, None, None) for _ in range(_TURN)]
    started = time.perf_counter_ns()
    for message in messages:
        await process(message)
    return (time.perf_counter_ns() - started) / _TURN


async def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=400)
    parser.add_argument("--whole", type=float, default=15.0, help="µs of a message in a worker, see costs.py")
    options = parser.parse_args()
    compared = rows()
    least = dict.fromkeys(compared, float("inf"))
    for _ in range(options.turns):
        for name, process in compared.items():
            least[name] = min(least[name], await turn(process))
        await asyncio.sleep(0)  # the period of the histograms may end
    lines = [f"{'on':<24} {'a message':>10} {'more':>8} {'of a worker':>12}"]
    before = least["off"]
    for name, found in least.items():
        share = (found - before) / options.whole / 10
        lines.append(f"{name:<24} {found:>7,.0f} ns {found - before:>5,.0f} ns {share:>10.1f} %")
        before = found
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
