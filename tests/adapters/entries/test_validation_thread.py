"""The event loop continues during a long validation."""

from __future__ import annotations

import asyncio
import json
import threading
from itertools import pairwise
from typing import Any

import pytest
from redis.asyncio import Redis

from streamroute.adapters.codecs.builtin import codec_named
from streamroute.adapters.codecs.validating import ValidatingCodec
from streamroute.adapters.entries.validation_thread import may_take_long
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.message import Message

_LEASE = 2.0  # seconds; heartbeats come three times as often


class Slow:
    """A check that ends once the loop has run something else; ``is_linear`` as in schema checks."""

    def __init__(self, *, is_linear: bool) -> None:
        self.is_linear = is_linear
        self.loop_went_on = threading.Event()
        self.started = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.threads: list[int] = []

    def __call__(self, data: Any) -> str | None:
        self.threads.append(threading.get_ident())
        self._loop.call_soon_threadsafe(self.started.set)
        return None if self.loop_went_on.wait(timeout=60) else "the loop stood still"


@pytest.mark.parametrize(("is_linear", "size"), [(False, 10), (True, 100_000)])
async def test_entries_that_may_take_long_are_validated_beside_the_loop(
    redis_url: str, is_linear: bool, size: int
) -> None:
    check = Slow(is_linear=is_linear)
    client = Redis.from_url(redis_url)
    storage = RedisStreamStorage(client, codec=ValidatingCodec(codec_named("json"), {"t": check}))
    await storage.create_group("s", "g")
    await client.xadd("s", {"type": "t", "data": json.dumps({"x": "x" * size})})
    reading = asyncio.ensure_future(storage.read_events("s", "g", "c", 10))
    await check.started.wait()
    check.loop_went_on.set()
    [(entry_id, message)] = await reading
    assert message.decode_error is None  # type: ignore[attr-defined]  # a message, whose type the protocol leaves open
    assert check.threads == [thread for thread in check.threads if thread != threading.get_ident()]
    await client.xautoclaim("s", "g", "other", 0)
    claimed = await storage.claim_stale_events("s", "g", "c", 0, 10)
    assert [name for name, _ in claimed] == [entry_id]
    assert len(check.threads) == 2
    await client.aclose()


@pytest.mark.parametrize(("is_linear", "size", "is_long"), [(True, 10, False), (False, 10, True)])
async def test_small_entries_of_a_usual_schema_cost_no_thread(
    is_linear: bool, size: int, is_long: bool
) -> None:
    codec = ValidatingCodec(codec_named("json"), {"t": Slow(is_linear=is_linear)})
    assert may_take_long(codec, [[b"x" * size]]) is is_long


async def test_entries_are_kept_while_they_are_validated(redis_url: str) -> None:
    """However long validation takes compared to the lease, no other worker can claim them."""
    check = Slow(is_linear=False)
    client = Redis.from_url(redis_url)
    storage = RedisStreamStorage(
        client, codec=ValidatingCodec(codec_named("json"), {"t": check}), lease=_LEASE
    )
    await storage.create_group("s", "g")
    keeper = storage.lease_keeper("s", "g", "c", held=dict, lost=lambda _: None)
    await client.xadd("s", {"type": "t", "data": "{}"})
    reading = asyncio.ensure_future(storage.read_events("s", "g", "c", 10))
    await check.started.wait()
    delivered = int((await client.xinfo_stream("s"))["last-generated-id"].split(b"-")[0])
    await keeper.open()
    try:
        idle: list[int] = []
        while sum(later < before for before, later in pairwise(idle)) < 3:  # reset by a heartbeat
            [entry] = await client.xpending_range("s", "g", "-", "+", 10)
            idle.append(int(entry["time_since_delivered"]))
            assert entry["times_delivered"] == 1
            await asyncio.sleep(0.01)
        check.loop_went_on.set()
        [(_, message)] = await reading
        assert isinstance(message, Message)
        assert message.delivery.lease_confirmed_at > delivered + 1000 * _LEASE / 3
    finally:
        check.loop_went_on.set()
        await keeper.close()
        await client.aclose()
