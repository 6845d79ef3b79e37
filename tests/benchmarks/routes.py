"""Many routes: ``python tests/benchmarks/routes.py`` prints the cost of a message with 10 to 10,000 routes.

Routes of other types, routes of the message's own type that compare one field with different values, and
filters that no index covers. In one process and without a server: the dispatcher is measured.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.router import RedisRouter
from streamroute.expressions.filters import compile_filter

SIZES: Final = (10, 100, 1_000, 10_000)
ROUNDS: Final = 7
MESSAGES: Final = 2_000

Declare = Callable[[int], tuple[str, str]]
KINDS: Final[dict[str, Declare]] = {
    "routes of other types": lambda n: (f"type.{n}", "nights >= `3`"),
    "routes of one type, one for each tenant": lambda n: ("type.0", f"tenant == 't{n}' && nights >= `3`"),
    "routes of one type, no index": lambda n: ("type.0", f"length(tenant) > `1` && tenant == 't{n}'"),
}


async def handler(payload: dict[str, Any], container: Any) -> None:
    """Do nothing."""


def dispatcher(declare: Declare, routes: int) -> BotRedisDispatcher:
    """Return a dispatcher with this many routes."""
    router, built = RedisRouter(), BotRedisDispatcher()
    for number in range(routes):
        message_type, expression = declare(number)
        router.message(message_type, compile_filter(expression))(handler)
    built.include_router(router)
    built.setup(None)
    return built


async def microseconds(target: BotRedisDispatcher, messages: int) -> float:
    """Return the processor time per message."""
    payload = {"type": "type.0", "tenant": "t0", "nights": 4}
    await target.process_message(payload)
    start = time.process_time()
    for _ in range(messages):
        await target.process_message(payload)
    return (time.process_time() - start) / messages * 1e6


async def measured() -> dict[str, list[float]]:
    """Measure every kind in every size, interleaved: µs per message for each of ``SIZES``."""
    medians = {}
    for name, declare in KINDS.items():
        targets = [dispatcher(declare, routes) for routes in SIZES]
        counts = [max(20, MESSAGES // (routes if "no index" in name else 1)) for routes in SIZES]
        found: list[list[float]] = [[] for _ in SIZES]
        for _ in range(ROUNDS):
            for index, target in enumerate(targets):
                found[index].append(await microseconds(target, counts[index]))
        medians[name] = [statistics.median(each) for each in found]
    return medians


def main() -> None:
    """Print each kind, and the ratio of the most routes to the fewest."""
    for name, medians in asyncio.run(measured()).items():
        shown = "  ".join(f"{routes:,}: {median:.2f}" for routes, median in zip(SIZES, medians, strict=True))
        sys.stdout.write(f"{name} (µs a message)\n  {shown}  ratio {medians[-1] / medians[0]:.1f}\n")


if __name__ == "__main__":
    main()
