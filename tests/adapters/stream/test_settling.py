"""Acknowledging while the heartbeat thread confirms leases: an old confirmation only causes a lookup."""

from __future__ import annotations

import asyncio
from itertools import product

import pytest
from redis.asyncio import Redis

from backends import KEYS, RedisBackend
from consuming import GROUP, STREAM, eventually
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.stream.settling import ack_deliveries
from streamroute.delivery import Delivery

LEASE = 0.06


@pytest.fixture
def backend(redis_client: Redis) -> RedisBackend:
    return RedisBackend(redis_client)


async def held_deliveries(backend: RedisBackend, count: int, lease: float) -> dict[str, Delivery]:
    """Have a consumer read so many new entries."""
    storage = backend.storage(lease=lease)
    await storage.create_group(STREAM, GROUP)
    for _ in range(count):
        await backend.add(type="booked")
    return {
        name: message.delivery for name, message in await storage.read_events(STREAM, GROUP, "one", count)
    }


async def acked(backend: RedisBackend, deliveries: list[Delivery], lease: float) -> list[str]:
    """Acknowledge in one batch; return the entries that the consumer had lost."""
    milliseconds = int(lease * 1000)
    return await ack_deliveries(
        raw_client(backend.client, STREAM), KEYS, GROUP, "one", deliveries, milliseconds
    )


@pytest.mark.parametrize("seen", list(product(["old", "new"], repeat=2)))
async def test_any_mix_of_old_and_new_confirmations_acks_what_is_held(
    backend: RedisBackend, seen: tuple[str, str]
) -> None:
    """The loop may read each confirmation before or after the thread writes it; no claimed entry is acked."""
    held = await held_deliveries(backend, 3, 60)
    first, claimed, last = held
    await backend.client.xclaim(STREAM, GROUP, "two", 0, [claimed])
    for name in held:
        held[name].lease_confirmed_at -= 60_001
    for name, each in zip((first, last), seen, strict=True):
        held[name].lease_confirmed_at += 60_001 if each == "new" else 0
    assert await acked(backend, list(held.values()), 60) == [claimed]
    assert await backend.pending() == [claimed]


@pytest.mark.parametrize("ago", [0, 60_001])
async def test_a_confirmation_overwritten_by_an_older_one_costs_no_ack(
    backend: RedisBackend, ago: int
) -> None:
    """A heartbeat's reply may arrive after a redelivery has set a later time."""
    held = await held_deliveries(backend, 2, 60)
    for delivery in held.values():
        delivery.lease_confirmed_at -= ago
    assert await acked(backend, list(held.values()), 60) == []
    assert await backend.pending() == []


async def test_settling_beside_a_running_heartbeat_thread_acks_no_claimed_entry(
    backend: RedisBackend,
) -> None:
    """The thread confirms every second entry; another consumer claims the others once their lease ends."""
    held = await held_deliveries(backend, 200, LEASE)
    names = list(held)
    confirmed = {name: held[name] for name in names[::2]}
    keeper = backend.storage(lease=LEASE).lease_keeper(
        STREAM, GROUP, "one", held=lambda: confirmed, lost=lambda lost: None
    )
    claimed: set[str] = set()

    async def claim() -> None:
        """Claim some entries whose lease has ended."""
        ids = await backend.client.xautoclaim(
            STREAM, GROUP, "two", int(LEASE * 1000), "0-0", count=5, justid=True
        )
        claimed.update(entry_id.decode() for entry_id in ids)

    lost: list[str] = []
    before = {name: delivery.lease_confirmed_at for name, delivery in confirmed.items()}
    await keeper.open()
    try:
        await eventually(lambda: any(held[name].lease_confirmed_at > at for name, at in before.items()))
        for start in range(0, len(names), 10):
            await asyncio.sleep(LEASE / 10)
            batch = [held[name] for name in names[start : start + 10]]
            gone, _ = await asyncio.gather(acked(backend, batch, LEASE), claim())
            lost += gone
            for name in names[start : start + 10]:
                confirmed.pop(name, None)
    finally:
        await keeper.close()
    assert set(lost) == set(await backend.pending())
    assert set(lost) <= claimed
    assert lost
    assert len(lost) < len(names)
