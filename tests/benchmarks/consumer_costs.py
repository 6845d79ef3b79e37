"""What a message costs outside decoding and handlers: ``python tests/benchmarks/consumer_costs.py``.

In one process, without a server: a storage in memory returns prepared messages and settles at once. Rows take
turns, and the turn with the least processor time of each counts, which a busy machine hardly disturbs.

Handlers that wait stand beside as many coroutines that only sleep: that is what the event loop costs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Final

from measuring import PAYLOAD

from streamroute.compiler.resolve.call_signature import ContainerPassing, HandlerCall
from streamroute.compiler.runtime.route_handler import route_handler
from streamroute.core.dispatch.routes import parts_of
from streamroute.core.processor import RedisStreamProcessor
from streamroute.durations import RetryPolicy
from streamroute.message import Message, first_deliveries
from streamroute.ops.serve.gc_tuning import rare_collections
from streamroute.values import SettleResult

_BATCH: Final = 500  # as `serve` reads
_TURN: Final = 2_000  # messages
_SLEEP: Final = 0.01
_AT_ONCE: Final = (1000, 256, 32)
_GROUP: Final = ("bench", "g", "c")

Callback = Callable[[dict[str, Any]], Awaitable[None] | None]


class PreparedMessages:
    """A storage of messages that exist already, of which nothing has to be decoded or written."""

    blocks: ClassVar = True

    def __init__(self) -> None:
        self._entries: list[tuple[str, Message]] = []
        self._more = asyncio.Event()
        self._settled = asyncio.Event()
        self._unsettled = 0

    def prepare(self, messages: int) -> None:
        """Make new entries; they are read after ``release()``."""
        start = int(time.time() * 1000)
        payload = {"type": "bench.event", **PAYLOAD}
        for number in range(messages, 0, -1):
            entry_id = f"{start}-{number}"
            message = first_deliveries(*_GROUP[:2], 0, None, None)(payload, entry_id, [])
            self._entries.append((entry_id, message))
        self._unsettled = messages

    async def all_settled(self) -> None:
        """Let the entries be read, and wait until all are settled."""
        self._settled.clear()
        self._more.set()
        await self._settled.wait()

    async def create_group(self, stream_name: str, group_name: str) -> None:
        """Do nothing."""

    async def read_events(
        self, stream_name: str, group_name: str, consumer_name: str, count: int
    ) -> list[tuple[str, Message]]:
        """Return prepared entries, or wait for them."""
        await self._more.wait()
        await asyncio.sleep(0)  # a reply takes an iteration of the loop, at least
        read, self._entries = self._entries[: -count - 1 : -1], self._entries[:-count]
        if not self._entries:
            self._more.clear()
        return read

    async def ack_event(self, stream_name: str, group_name: str, message_id: str) -> None:
        """Do nothing: ``settle`` is used."""

    async def settle(
        self, stream_name: str, group_name: str, consumer_name: str, messages: Mapping[str, Message]
    ) -> SettleResult:
        """Count what is settled."""
        await asyncio.sleep(0)
        self._unsettled -= len(messages)
        if not self._unsettled:
            self._settled.set()
        return SettleResult()


def handled(_payload: dict[str, Any]) -> None:
    """Handle a message at once, without anything to await."""


async def awaited(_payload: dict[str, Any]) -> None:
    """Handle a message at once, in a coroutine."""


def sleeping() -> Callback:
    """Return the handler of a route that sleeps, with its timeout."""

    async def sleep(_payload: dict[str, Any]) -> None:
        await asyncio.sleep(_SLEEP)

    call = HandlerCall(sleep, ContainerPassing.NOT, is_async=True)
    parts = parts_of(route_handler(call, name="sleep", timeout=60.0, retry=RetryPolicy()))
    assert parts is not None
    return lambda payload: parts.run(payload, None)


@asynccontextmanager
async def consumer(callback: Callback, concurrency: int) -> AsyncIterator[PreparedMessages]:
    """Consume with the settings of `serve`."""
    storage = PreparedMessages()
    processor = RedisStreamProcessor(
        storage,  # type: ignore[arg-type]  # claims nothing
        *_GROUP,
        batch_count=_BATCH,
        prefetch=0.1,
        concurrency=concurrency,
    )
    processor.set_message_callback(callback)
    await processor.start_listening()
    try:
        yield storage
    finally:
        await processor.stop_listening()


async def turn(storage: PreparedMessages, messages: int) -> float:
    """Return the nanoseconds of processor time of a message, of one turn."""
    storage.prepare(messages)
    started = time.thread_time_ns()
    await storage.all_settled()
    return (time.thread_time_ns() - started) / messages


async def bare_turn(at_once: int, messages: int) -> float:
    """Return the same of coroutines that only sleep."""
    left = messages

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await asyncio.sleep(_SLEEP)

    started = time.thread_time_ns()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return (time.thread_time_ns() - started) / messages


async def measure(turns: int, at_once: Sequence[int], note: Callable[[str, float], None]) -> None:
    """Note the figures of every turn."""
    async with consumer(handled, 32) as handling, consumer(awaited, 32) as awaiting:
        for _ in range(turns):
            note("handled at once", await turn(handling, _TURN))
            note("in a coroutine", await turn(awaiting, _TURN))
    for number in at_once:
        async with consumer(sleeping(), number) as waiting:
            for _ in range(max(3, turns // 30)):
                note(f"10 ms, {number} at once", await turn(waiting, number * 10))
                note(f"10 ms, {number} at once, bare", await bare_turn(number, number * 10))


async def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--no-waiting", action="store_true", help="only handlers that end at once")
    options = parser.parse_args()
    least: dict[str, float] = {}

    def note(name: str, found: float) -> None:
        least[name] = min(least.get(name, found), found)

    at_once = () if options.no_waiting else _AT_ONCE
    with rare_collections():
        await measure(options.turns, at_once, note)
    sys.stdout.write(f"{'a message':<28} {'cpu':>10}\n")
    for name, found in least.items():
        sys.stdout.write(f"{name:<28} {found:>7,.0f} ns\n")


if __name__ == "__main__":
    asyncio.run(main())
