"""Whatever handlers do, every message ends in exactly one place and each route ran as required."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consuming import GROUP, STREAM, consuming, eventually
from depth import examples
from streamroute.adapters.memory.storage import MemoryStreamStorage
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.errors import Reject, Retry
from streamroute.values import RetryPolicy

ATTEMPTS = 3
ROUTES = ("a", "b", "c")
END = {"ok", "reject", "filter raises", "filter no"}

runs_of_a_route = st.lists(
    st.sampled_from(["ok", "raise", "retry", "reject", "exit"]), min_size=1, max_size=4
)
plans = st.fixed_dictionaries(
    {
        route: st.one_of(runs_of_a_route, st.sampled_from([["filter raises"], ["filter no"]]))
        for route in ROUTES
    }
)


@dataclass
class Ledger:
    """The planned actions of each route of each message, and its number of runs."""

    plans: list[dict[str, list[str]]]
    ran: dict[tuple[int, str], int] = field(default_factory=dict)

    def next_step(self, n: int, route: str) -> str:
        """Return this run's action; the last one of a plan repeats."""
        count = self.ran[n, route] = self.ran.get((n, route), 0) + 1
        steps = self.plans[n][route]
        return steps[min(count, len(steps)) - 1]

    def expected(self, n: int, route: str) -> tuple[int, bool]:
        """Return how often the route runs, and whether it ends in a dead letter."""
        steps = self.plans[n][route]
        if steps[0].startswith("filter"):
            return 0, steps[0] == "filter raises"
        for count in range(1, ATTEMPTS + 1):
            step = steps[min(count, len(steps)) - 1]
            if step in END:
                return count, step == "reject"
        return ATTEMPTS, True


def dispatcher_for(ledger: Ledger) -> BotRedisDispatcher:
    """Return a dispatcher whose routes follow the ledger."""
    dispatcher = BotRedisDispatcher(retry=RetryPolicy(max_attempts=ATTEMPTS, delay=0, jitter=0))
    dispatcher.setup(None)
    for route in ROUTES:
        _register(dispatcher, ledger, route)
    return dispatcher


def _register(dispatcher: BotRedisDispatcher, ledger: Ledger, route: str) -> None:
    def accepts(payload: dict[str, Any]) -> bool:
        plan = ledger.plans[int(payload["n"])][route]
        if plan == ["filter raises"]:
            raise ValueError("the filter")
        return plan != ["filter no"]

    async def handler(payload: dict[str, Any], container: Any) -> None:
        step = ledger.next_step(int(payload["n"]), route)
        await asyncio.sleep(0)
        if step == "raise":
            raise RuntimeError("no luck")
        if step == "exit":
            raise SystemExit(1)
        if step == "retry":
            raise Retry(delay=0)
        if step == "reject":
            raise Reject("no")

    handler.__qualname__ = route
    dispatcher.on_message("booked", accepts)(handler)


@settings(max_examples=examples(0.6))
@given(
    plans=st.lists(plans, min_size=1, max_size=8), concurrency=st.integers(1, 4), workers=st.integers(1, 2)
)
def test_every_message_is_completed_or_dead_lettered_and_routes_run_as_often_as_they_must(
    plans: list[dict[str, list[str]]], concurrency: int, workers: int
) -> None:
    ledger = Ledger(plans)
    storage = MemoryStreamStorage(block=0.01)
    asyncio.run(_consume(storage, ledger, concurrency, workers))
    dead = {(int(record.fields[b"n"]), record.route) for record in storage.dead_letters(STREAM, GROUP)}
    for n in range(len(plans)):
        for route in ROUTES:
            count, dies = ledger.expected(n, route)
            assert ledger.ran.get((n, route), 0) == count
            assert ((n, f"{__name__}.{route}") in dead) == dies
    assert len(dead) == len(storage.dead_letters(STREAM, GROUP))


async def _consume(storage: MemoryStreamStorage, ledger: Ledger, concurrency: int, workers: int) -> None:
    for n in range(len(ledger.plans)):
        storage.add(STREAM, {"type": "booked", "n": str(n)})

    def is_done() -> bool:
        return not (storage.unread(STREAM, GROUP) or storage.pending(STREAM, GROUP))

    async with consuming(storage, dispatcher_for(ledger).process_message, concurrency=concurrency):
        if workers == 1:
            await eventually(lambda: is_done() and not storage.scheduled(STREAM, GROUP))
        else:
            async with consuming(storage, dispatcher_for(ledger).process_message, concurrency=concurrency):
                await eventually(lambda: is_done() and not storage.scheduled(STREAM, GROUP))
