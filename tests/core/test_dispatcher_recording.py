"""A dispatcher with a recorder measures each run of a route, and names the route that runs."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from messages import message_of
from streamroute.core.dispatcher import BotRedisDispatcher
from streamroute.core.recording.stream_recorder import StreamRecorder
from streamroute.core.router import RedisRouter
from streamroute.delivery import Delivery
from streamroute.errors import LeaseLostError, Reject
from streamroute.message import Message


class Recording:
    """A dispatcher with a recorder, and the route ``r``, which raises ``error`` if there is one."""

    def __init__(self) -> None:
        self.recorder = StreamRecorder()
        self.dispatcher = BotRedisDispatcher(recorder=self.recorder)
        self.dispatcher.setup(None)
        self.error: BaseException | None = None
        self.is_running: list[str | None] = []
        self.route("r")

    def route(self, key: str) -> None:
        """Add a route for the type ``t``."""

        async def handler(payload: Any, _container: Any) -> None:
            if isinstance(payload, Message):
                self.is_running.append(payload.delivery.running_route)
            if self.error is not None:
                raise self.error

        vars(handler)["route_key"] = key
        router = RedisRouter()
        router.message("t")(handler)
        self.dispatcher.include_router(router)

    async def run(self, **facts: Any) -> None:
        """Process one message that is as old as this moment."""
        delivery = Delivery(outcomes=[])
        entry_id = f"{int(time.time() * 1000)}-0"
        message = message_of({"type": "t"}, id=entry_id, stream="s", delivery=delivery, **facts)
        await self.dispatcher.process_message(message)

    def counts(self, route: str = "r") -> tuple[int, int]:
        """Return the number of runs, and of entries that succeeded."""
        self.recorder.end_period()
        timing = self.recorder.timings[route]
        return timing.handler.count, timing.entry.count


async def test_every_run_of_every_route_is_counted() -> None:
    recording = Recording()
    recording.route("other")
    for _ in range(500):
        await recording.run()
    assert recording.counts() == recording.counts("other") == (500, 500)


async def test_runs_of_two_routes_are_measured_apart() -> None:
    recording = Recording()
    recording.route("other")
    await recording.run()
    assert recording.is_running == ["r", "other"]


async def test_a_retry_is_a_run_of_its_route_alone() -> None:
    recording = Recording()
    recording.route("other")
    await recording.run(routes=frozenset({"other"}), attempt=2, accepted=True)
    assert list(recording.recorder.timings) == ["other"]


@pytest.mark.parametrize("count", [1, 500])
async def test_failures_are_runs_that_end_no_entry(count: int) -> None:
    recording = Recording()
    for error in (ValueError(), Reject("no"), None):
        recording.error = error
        for _ in range(count):
            await recording.run()
    assert recording.counts() == (3 * count, count)
    assert recording.recorder.failures == {
        ("r", "retried", "ValueError"): count,
        ("r", "dead", "Reject"): count,
    }


async def test_a_run_that_lost_its_lease_or_was_cancelled_ends_no_entry() -> None:
    recording = Recording()
    recording.error = LeaseLostError("gone")
    with pytest.raises(LeaseLostError):
        await recording.run()
    recording.error = asyncio.CancelledError()
    task = asyncio.ensure_future(recording.run())
    await asyncio.wait([task])
    assert recording.counts() == (2, 0)


async def test_a_plain_dict_is_measured_as_far_as_known() -> None:
    recording = Recording()
    await recording.dispatcher.process_message({"type": "t"})
    assert recording.counts() == (1, 0)


async def test_a_new_configuration_continues_the_counts() -> None:
    first, second = Recording(), Recording()
    second.recorder = first.recorder
    second.dispatcher = BotRedisDispatcher(recorder=first.recorder)
    second.dispatcher.setup(None)
    second.route("r")
    await first.run()
    await second.run()
    assert first.counts() == (2, 2)


async def test_without_a_recorder_the_running_route_is_known_too() -> None:
    recording = Recording()
    recording.dispatcher = BotRedisDispatcher()
    recording.dispatcher.setup(None)
    recording.route("r")
    await recording.run()
    assert recording.is_running == ["r"]
    assert recording.recorder.timings == {}
