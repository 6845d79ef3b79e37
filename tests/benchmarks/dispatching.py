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

from streamroute.compiler.resolve.call_signature import ContainerPassing, HandlerCall
from streamroute.compiler.runtime.route_handler import route_handler
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.router import RedisRouter
from streamroute.message import Message, first_deliveries
from streamroute.ops.metrics.counters import Counters
from streamroute.values import RetryPolicy

_TURN: Final = 500  # messages, as many as one read has
_STREAM: Final = "bench"

Process = Callable[[Message], Awaitable[None] | None]


async def count(_payload: Any) -> None:
    """Handle a message: do nothing."""


def dispatcher(**settings: Any) -> BotRedisDispatcher:
    """Return a dispatcher with one route, compiled as those of a configuration."""
    found = BotRedisDispatcher(**settings)
    call = HandlerCall(count, ContainerPassing.NOT, is_async=True)
    handler = route_handler(call, name="count", timeout=60.0, retry=RetryPolicy())
    router = RedisRouter()
    router.message("bench.event", lambda payload: payload["tier"] == "gold" and payload["nights"] >= 3)(
        handler
    )
    found.include_router(router)
    found.setup(None)
    return found


def rows() -> dict[str, Process]:
    """Return what is compared: each way without metrics, with them, and with histograms."""
    found: dict[str, Process] = {}
    for way in ("process_message", "start_message"):
        counters, recording = Counters({_STREAM: ("count",)}), Counters({_STREAM: ("count",)})
        ways = {
            "": dispatcher(),
            "  metrics": dispatcher(observer=counters.observe),
            "  metrics with histograms": dispatcher(
                observer=recording.observe, recorder=recording.recorded.recorder(_STREAM)
            ),
        }
        found |= {f"{way}{more}": getattr(one, way) for more, one in ways.items()}
    return found


async def turn(process: Process) -> float:
    """Return the nanoseconds of a message, of one turn."""
    payload = {"type": "bench.event", **PAYLOAD}
    entry_id = f"{int(time.time() * 1000)}-0"
    message_of = first_deliveries(_STREAM, "g", 0, None, None)
    messages = [message_of(payload, entry_id, []) for _ in range(_TURN)]
    started = time.perf_counter_ns()
    for message in messages:
        rest = process(message)
        if rest is not None:
            await rest
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
    lines = [f"{'way':<42} {'a message':>10} {'of a worker':>12}"]
    for name, found in least.items():
        lines.append(f"{name:<42} {found:>7,.0f} ns {found / options.whole / 10:>10.1f} %")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
