"""A reload changes the lease up and down: the group's larger lease holds while anyone has it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from consuming import eventually
from reloads import Reloadable, reloadable
from streamroute.keys import GroupKeys

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis.asyncio import Redis

KEYS = GroupKeys.of("events", "g")


@pytest.fixture
def project(tmp_path: Path, redis_url: str) -> Iterator[Reloadable]:
    yield from reloadable(tmp_path, redis_url)


def config(name: str, lease: str, gate: str = "") -> str:
    return f"""
container: held.build
streams: {{events: {{group: g, lease: {lease}, claim_interval: 100ms, concurrency: 4}}}}
routes: [{{name: {name}, type: t, handler: held.note, with: {{by: {name}, gate: "{gate}"}}}}]
"""


async def leases(client: Redis) -> dict[str, str]:
    """Return the lease in ms that each worker of the group has announced, by its name's suffix."""
    workers: Any = await client.hgetall(KEYS.workers)
    return {name.decode()[-2:]: note.decode().split(" ")[1] for name, note in workers.items()}


@pytest.mark.parametrize(("before", "after"), [("60s", "300ms"), ("300ms", "60s")])
async def test_running_handlers_keep_their_entries(
    project: Reloadable, redis_client: Redis, before: str, after: str
) -> None:
    """The old consumer's handler runs for several short leases; nobody takes its entry."""
    async with project.running(config("one", before, gate="g")) as app:
        await project.publish(1)
        await eventually(lambda: project.has_started(1))
        await project.reload(config("two", after))
        await project.publish(2)
        await eventually(lambda: project.ended() == {2: ("two", 2)})
        await eventually(lambda: announced(redis_client, 2))
        await asyncio.sleep(1)
        summary: Any = await redis_client.xpending_range("events", "g", "-", "+", 9)
        assert [(one["times_delivered"], one["consumer"].decode()[-2:]) for one in summary] == [
            (1, app._running.retired[0].processor.consumer_name[-2:])
        ]
        project.open_gate("g")
        await eventually(lambda: not app.old_generations())
        assert await leases(redis_client) == {"-2": str(300 if after == "300ms" else 60_000)}
    assert project.ended() == {1: ("one", 1), 2: ("two", 2)}
    assert len(project.handlers.ran) == 4


async def announced(client: Redis, count: int) -> bool:
    """Return whether so many workers have announced their leases."""
    return len(await leases(client)) == count


async def test_a_shorter_lease_takes_nothing_from_a_machine_that_has_the_longer(
    project: Reloadable, redis_client: Redis
) -> None:
    """The other machine renews its lease every 20 seconds; here it is a third of a second."""
    await redis_client.xgroup_create("events", "g", id="0", mkstream=True)
    seconds, _ = await redis_client.time()
    note = f"{(seconds + 120) * 1000} 60000 "
    await redis_client.hset(KEYS.workers, "elsewhere", note)
    await redis_client.xadd("events", {"data": '{"type": "t", "n": 1}'})
    await redis_client.xreadgroup("g", "elsewhere", {"events": ">"})
    async with project.running(config("one", "60s")):
        await project.reload(config("two", "300ms"))
        await project.publish(2)
        await eventually(lambda: 2 in project.ended())
        await asyncio.sleep(0.7)
        assert list(project.ended()) == [2]
        await redis_client.hdel(KEYS.workers, "elsewhere")
        await eventually(lambda: project.ended() == {2: ("two", 2), 1: ("two", 2)})
