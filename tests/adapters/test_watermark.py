"""A group that is lost begins again where it was: nothing is left out, and little runs twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from backends import KEYS, RedisBackend
from consuming import GROUP, STREAM, Handling, consuming, dispatcher_of, eventually
from streamroute.adapters.watermark import Watermarks
from streamroute.values import RetryLater


@pytest.fixture
def backend(redis_client: Redis) -> RedisBackend:
    return RedisBackend(redis_client)


async def test_what_was_settled_does_not_run_again(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Handling()
    async with consuming(backend.storage(lease=0.06), dispatcher_of(handler).process_message, lease=5):
        for n in "123":
            last = await backend.add(type="booked", n=n)
        await eventually(lambda: _low_is(backend, f"({last}"))
        await backend.destroy_group()
        await backend.add(type="booked", n="4")
        await eventually(lambda: "4" in handler.numbers())
    assert handler.numbers() == ["1", "2", "3", "4"]
    assert f"begins again after {last}" in caplog.text


async def test_what_runs_again_does_not_grow_with_the_lease(backend: RedisBackend) -> None:
    """With a lease of an hour, it is what was done in the last moment."""
    handler = Handling()
    async with consuming(backend.storage(lease=3600), dispatcher_of(handler).process_message, lease=3600):
        for n in "12":
            await backend.add(type="booked", n=n)
        await eventually(lambda: handler.numbers() == ["1", "2"])
        last = await backend.add(type="booked", n="3")
        await eventually(lambda: _low_is(backend, f"({last}"))
        await backend.destroy_group()
        await backend.add(type="booked", n="4")
        await eventually(lambda: "4" in handler.numbers())
    assert handler.numbers() == ["1", "2", "3", "4"]


async def test_what_was_pending_runs_again(backend: RedisBackend) -> None:
    never = asyncio.Event()
    stuck, other = Handling(then=lambda payload: never.wait()), Handling()
    async with consuming(
        backend.storage(lease=0.06), dispatcher_of(stuck).process_message, lease=5, grace=0, batch_count=1
    ):
        first = await backend.add(type="booked", n="1")
        await eventually(lambda: stuck.seen)
        await eventually(lambda: _low_is(backend, first))
    await backend.destroy_group()
    async with consuming(backend.storage(), dispatcher_of(other).process_message):
        await eventually(lambda: other.numbers() == ["1"])


async def test_a_group_of_retries_that_is_lost_is_told(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """What was pending is delivered again, and the run in progress answers for it."""
    go_on, seen = asyncio.Event(), []

    async def callback(payload: Any) -> None:
        if payload.attempt == 1:
            payload.outcomes.append(RetryLater("booked", 0, 2, "not now"))
            return
        seen.append(payload.attempt)
        await (go_on.wait() if len(seen) == 1 else asyncio.sleep(0))

    async with consuming(backend.storage(), callback, grace=0):
        await backend.add(type="booked")
        await eventually(lambda: seen == [2])
        await backend.client.xgroup_destroy(KEYS.retry, GROUP)
        await eventually(lambda: f"the group {GROUP} of {KEYS.retry} was lost" in caplog.text)
        assert "begins again" not in caplog.text
        go_on.set()
        await eventually(lambda: _is_empty(backend, KEYS.retry))
    assert seen == [2]


async def test_each_worker_remembers_for_itself(backend: RedisBackend) -> None:
    storage, marks = backend.storage(), Watermarks()
    await storage.create_group(STREAM, GROUP)
    first = await backend.add(type="booked")
    await storage.read_events(STREAM, GROUP, "one", 1)
    await storage.ack_event(STREAM, GROUP, first)
    await marks.note(backend.client, KEYS, GROUP)
    await backend.client.delete(KEYS.meta)
    assert await marks.start(backend.client, KEYS, GROUP) == first
    assert await Watermarks().start(backend.client, KEYS, GROUP) == "0-0"


async def test_a_stream_that_was_made_anew_is_read_from_its_first_entry(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """Its ids may be lower than the watermark."""
    handler = Handling()
    async with consuming(backend.storage(lease=0.06), dispatcher_of(handler).process_message, lease=5):
        last = await backend.add(type="booked", n="1")
        await eventually(lambda: _low_is(backend, f"({last}"))
        await backend.client.delete(STREAM)
        await backend.client.xadd(STREAM, {"type": "booked", "n": "2"}, id="1-1")
        await eventually(lambda: handler.numbers() == ["1", "2"])
    assert "was lost; it begins again after 0-0" in caplog.text


@pytest.mark.parametrize(
    ("low", "start"),
    [("(7-3", "7-3"), ("7-3", "7-2"), ("7-0", "6-18446744073709551615"), ("0-1", "0-0"), ("9-0", "0-0")],
)
async def test_the_start_is_the_id_before_the_first_that_is_needed(
    backend: RedisBackend, low: str, start: str
) -> None:
    await backend.client.xadd(STREAM, {"type": "booked"}, id="8-0")
    await backend.client.hset(KEYS.meta, "low", low)
    assert await Watermarks().start(backend.client, KEYS, GROUP) == start


async def _is_empty(backend: RedisBackend, stream: str) -> Any:
    return await backend.client.xlen(stream) == 0


async def _low_is(backend: RedisBackend, expected: str) -> Any:
    return await backend.client.hget(KEYS.meta, "low") == expected.encode()
