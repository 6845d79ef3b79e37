"""An event loop that was blocked is a log line that names the handler, its entry and its code."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from consuming import eventually
from streamroute.delivery import Delivery
from streamroute.message import Message
from streamroute.ops.serve.loop_watch import LoopWatch
from worker_pools import opened

LOGGER = "streamroute.ops.serve.loop_watch"


def quick(still_after: float = 60) -> LoopWatch:
    return LoopWatch(blocked_after=0.05, still_after=still_after, interval=0.01)


def message(entry_id: str = "1-0") -> Message:
    delivery = Delivery(entry_id, running_route="welcome")
    return Message({"type": "t"}, id=entry_id, stream="events", delivery=delivery)


def block_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.001)


async def test_the_handler_that_blocked_the_loop_is_named_when_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        block_until(lambda: watch.has_sample)

    with quick() as watch:
        async with opened(1, handle) as pool:
            pool.put([("1-0", message())])
            await eventually(lambda: "entry 1-0" in caplog.text)
    (record,) = (record for record in caplog.records if "entry 1-0" in record.getMessage())
    assert record.levelno == logging.WARNING
    assert re.fullmatch(
        r"the event loop was blocked for \d+\.\d s by route welcome, entry 1-0 of events: "
        r"\S*block_until\S* at \S*test_loop_watch\.py:\d+",
        record.getMessage().replace(
            "test_the_handler_that_blocked_the_loop_is_named_when_it_ends", "block_until"
        ),
    )
    assert vars(record)["route"] == "welcome"
    assert vars(record)["about_entry"] == {"type": "t"}


async def test_handlers_that_block_one_after_the_other_are_all_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        assert isinstance(payload, Message)
        for count, route in enumerate(("welcome", "charge"), 1):
            payload.delivery.running_route = route
            block_until(lambda count=count: len(watch._blockers) == count)  # type: ignore[misc]  # a default binds it

    with quick() as watch:
        async with opened(1, handle) as pool:
            pool.put([("1-0", message())])
            await eventually(lambda: "route charge" in caplog.text)
    (text,) = (text for text in caplog.messages if "route charge" in text)
    assert re.search(r" by route welcome, entry 1-0 of events: .*, then by route charge, entry 1-0 of", text)


def test_a_process_that_could_not_run_is_told_apart(caplog: pytest.LogCaptureFixture) -> None:
    """The thread itself was late, and the loop answers at once."""
    now = 100.0
    watch = LoopWatch(interval=0.2, clock=lambda: now)
    watch._loop = loop = asyncio.new_event_loop()
    watch._ask()
    now = 104.0
    loop.run_until_complete(asyncio.sleep(0))
    watch._look()
    loop.close()
    assert caplog.messages == [
        (
            "the event loop was blocked for 4.0 s: nothing could run for 3.8 s: "
            "code in C kept Python's lock, or the process was stopped"
        )
    ]


async def test_a_block_that_does_not_end_is_named_too(caplog: pytest.LogCaptureFixture) -> None:
    with quick(still_after=0.1):
        block_until(lambda: "has been blocked for" in caplog.text)
        await eventually(lambda: "was blocked for" in caplog.text)
    still = next(text for text in caplog.messages if "has been blocked for" in text)
    assert "test_loop_watch.py:" in still


async def test_a_block_that_ends_with_the_work_is_named(caplog: pytest.LogCaptureFixture) -> None:
    """The thread looks no more: the block ended just before the end of a drain."""
    with quick() as watch:
        block_until(lambda: watch.has_sample)
    (told,) = (text for text in caplog.messages if "was blocked for" in text)
    assert "test_loop_watch.py:" in told


async def test_a_loop_that_runs_is_not_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    with LoopWatch(blocked_after=60, interval=0.001) as watch:
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert not watch.has_sample
    assert not [record for record in caplog.records if record.name == LOGGER]


def test_a_closed_loop_ends_the_watch() -> None:
    async def leave() -> LoopWatch:
        return quick().__enter__()

    watch = asyncio.run(leave())
    watch._thread.join(10)
    assert not watch._thread.is_alive()
