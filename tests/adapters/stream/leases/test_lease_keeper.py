"""Heartbeats: in memory, on servers, and from a process whose event loop hangs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.register_assert_rewrite("lease_contract")

from redis.asyncio import Redis  # noqa: E402 - after the asserts are registered

from backends import KEYS, MemoryBackend, RedisBackend  # noqa: E402
from consuming import (  # noqa: E402
    GROUP,
    STREAM,
    Handling,
    consuming,
    dispatcher_of,
    eventually,
    processor,
    within_patience,
)
from lease_contract import KeptLeases  # noqa: E402
from servers import RealServer  # noqa: E402
from streamroute.adapters.redis.scripts import script  # noqa: E402 - after the asserts are registered
from streamroute.adapters.stream.storage import RedisStreamStorage  # noqa: E402


class TestMemoryLeases(KeptLeases):
    """The contract in memory."""

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        return MemoryBackend()


class TestRedisLeases(KeptLeases):
    """The contract on real servers."""

    @pytest.fixture
    def backend(self, redis_client: Redis) -> RedisBackend:
        return RedisBackend(redis_client)


@pytest.fixture
def backend(redis_client: Redis) -> RedisBackend:
    return RedisBackend(redis_client)


async def test_a_worker_whose_event_loop_hangs_loses_its_entries(
    backend: RedisBackend, redis_url: str
) -> None:
    """Its heartbeat thread lives, but pauses after five leases without a response from the loop."""
    hangs, released = threading.Event(), threading.Event()

    async def hang(payload: dict[str, Any]) -> None:
        hangs.set()
        released.wait()

    async def work() -> None:
        async with Redis.from_url(redis_url) as client:
            worker = processor(RedisStreamStorage(client, lease=0.1, block=0.05), hang, lease=0.1)
            await worker.start_listening()
            await eventually(hangs.is_set)
            await worker.stop_listening()

    hung = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
    hung.start()
    try:
        await eventually(lambda: backend.client.exists(STREAM))
        await backend.add(type="booked")
        await eventually(hangs.is_set)
        rescuer = Handling()
        async with consuming(backend.storage(lease=0.1), dispatcher_of(rescuer).process_message, lease=0.1):
            await eventually(lambda: rescuer.seen)
    finally:
        released.set()
        await asyncio.to_thread(hung.join, 60)
    assert rescuer.seen[0].deliveries == 2


async def test_the_longest_lease_of_any_living_worker_is_in_force(backend: RedisBackend) -> None:
    """A rollout from a minute to a millisecond takes no entry from workers that still have a minute."""
    proceed = asyncio.Event()
    old, new = Handling(then=lambda payload: proceed.wait()), Handling()
    async with consuming(backend.storage(lease=60), dispatcher_of(old).process_message, lease=60):
        await eventually(lambda: backend.client.hgetall(KEYS.workers))
        await backend.add(type="booked")
        await eventually(lambda: old.seen)
        async with consuming(backend.storage(lease=0.001), dispatcher_of(new).process_message, lease=0.001):
            for _ in range(20):
                await backend.client.ping()
                await asyncio.sleep(0.005)
            assert new.seen == []
            await backend.client.delete(KEYS.workers)  # the old worker has been gone for long
            await eventually(lambda: new.seen)
        proceed.set()


async def test_a_heartbeat_makes_an_entry_fresh(backend: RedisBackend) -> None:
    storage = backend.storage(lease=0.1)
    await storage.create_group(STREAM, GROUP)
    await backend.add(type="booked")
    held = {name: message.delivery for name, message in await storage.read_events(STREAM, GROUP, "one", 1)}
    [delivery] = held.values()
    read = delivery.lease_confirmed_at
    keeper = storage.lease_keeper(STREAM, GROUP, "one", held=lambda: held, lost=lambda lost: None)
    await keeper.open()
    await eventually(lambda: delivery.lease_confirmed_at > read + 100)
    await keeper.close()
    await keeper.close()
    assert delivery.deliveries == 1


async def test_more_entries_than_one_script_confirms_are_all_kept(backend: RedisBackend) -> None:
    storage = backend.storage(lease=0.3)
    await storage.create_group(STREAM, GROUP)
    for _ in range(1100):
        await backend.add(type="booked")
    held = {name: message.delivery for name, message in await storage.read_events(STREAM, GROUP, "one", 2000)}
    first = {name: delivery.lease_confirmed_at for name, delivery in held.items()}
    keeper = storage.lease_keeper(STREAM, GROUP, "one", held=lambda: held, lost=lambda lost: None)
    await keeper.open()
    await eventually(
        lambda: all(delivery.lease_confirmed_at > first[name] for name, delivery in held.items())
    )
    await keeper.close()


async def test_an_entry_is_never_fresher_than_its_lease(backend: RedisBackend) -> None:
    """Redis 6.2's clock advances within a script, and a fence would open before the lease has ended."""
    client = backend.client
    arguments: list[str | int] = [GROUP, "one", 60_000, "", ""]
    await backend.storage().create_group(STREAM, GROUP)
    for _ in range(2000):
        await backend.add(type="booked")
    for name in dict(await backend.storage().read_events(STREAM, GROUP, "one", 2000)):
        arguments += [name, 1]
    keys = [STREAM, KEYS.workers, KEYS.routes, KEYS.generations]
    fresh, *_ = await script("leases/heartbeat").run(client, keys, arguments)
    first = "local idle = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1)[1][3]; "
    seconds, micros, idle = await client.eval(
        first + "local now = redis.call('TIME'); return {now[1], now[2], idle}", 1, STREAM, GROUP
    )
    assert fresh <= int(seconds) * 1000 + int(micros) // 1000 - idle


async def test_a_heartbeat_does_not_steal_an_entry_back(backend: RedisBackend) -> None:
    storage = backend.storage(lease=0.05)
    await storage.create_group(STREAM, GROUP)
    await backend.add(type="booked")
    held = {name: message.delivery for name, message in await storage.read_events(STREAM, GROUP, "one", 1)}
    await eventually(lambda: storage.claim_stale_events(STREAM, GROUP, "two", 50, 1))
    lost: list[tuple[str, int]] = []
    keeper = storage.lease_keeper(STREAM, GROUP, "one", held=lambda: held, lost=lost.extend)
    await keeper.open()
    await eventually(lambda: lost)
    await keeper.close()
    assert lost[0] == (next(iter(held)), 1)
    [row] = await backend.client.xpending_range(STREAM, GROUP, "-", "+", 10)
    assert row["consumer"] == b"two"


async def test_a_keeper_is_closed_although_no_thread_of_the_executor_is_free(backend: RedisBackend) -> None:
    """Plain functions that never return may occupy all threads, and a drain has to end."""
    release = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        asyncio.get_running_loop().set_default_executor(executor)
        stuck = asyncio.ensure_future(asyncio.to_thread(release.wait))
        await asyncio.sleep(0)  # let it be submitted first
        keeper = backend.storage(lease=0.1).lease_keeper(
            STREAM, GROUP, "one", held=dict, lost=lambda lost: None
        )
        await keeper.open()
        try:
            await within_patience(keeper.close())
            assert not stuck.done()
        finally:
            release.set()
            await stuck


async def test_heartbeats_continue_after_an_outage(
    start_server: Callable[..., RealServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = start_server(append_only=True)
    async with Redis.from_url(server.url) as client:
        backend = RedisBackend(client)
        storage = backend.storage(lease=0.1)
        await storage.create_group(STREAM, GROUP)
        await backend.add(type="booked")
        entries = await storage.read_events(STREAM, GROUP, "one", 1)
        held = {name: message.delivery for name, message in entries}
        [delivery] = held.values()
        keeper = storage.lease_keeper(STREAM, GROUP, "one", held=lambda: held, lost=lambda lost: None)
        await keeper.open()
        server.kill()
        await eventually(lambda: "confirming leases of bot_events failed" in caplog.text)
        server.start()
        before = delivery.lease_confirmed_at
        await eventually(lambda: delivery.lease_confirmed_at > before)
        await keeper.close()
    assert "recovered" in caplog.text


async def test_a_keeper_ends_with_the_loop_that_forgot_it(redis_url: str) -> None:
    def forget() -> None:
        async def main() -> None:
            client = Redis.from_url(redis_url)
            keeper = RedisStreamStorage(client, lease=0.03).lease_keeper(
                STREAM, GROUP, "one", held=dict, lost=lambda lost: None
            )
            await keeper.open()
            await client.aclose()

        asyncio.run(main())

    await asyncio.to_thread(forget)
    await eventually(lambda: not [t for t in threading.enumerate() if "heartbeat" in t.name])
