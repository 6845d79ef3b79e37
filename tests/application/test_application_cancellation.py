"""Whenever a program is cancelled, everything is closed, and no message is lost."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

import streamroute
from consuming import eventually, within_patience
from reloads import Reloadable, reloadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis.asyncio import Redis

ROUTES = """
container: held.build
streams: {events: {group: tests, grace: 5s, lease: 1s, claim_interval: 50ms}}
routes:
  - {name: a, stream: events, type: t, handler: held.note, with: {by: a}}
"""
SLOW_CONTAINER = """
import asyncio
from contextlib import asynccontextmanager

opening, may_open = asyncio.Event(), asyncio.Event()

@asynccontextmanager
async def build():
    opening.set()
    await may_open.wait()
    yield {}
"""


@pytest.fixture
def config(tmp_path: Path, redis_url: str) -> Iterator[Reloadable]:
    """A folder with the configuration above."""
    for made in reloadable(tmp_path, redis_url):
        made.write(ROUTES)
        yield made


def heartbeats() -> list[threading.Thread]:
    """Return the heartbeat threads that run."""
    return [thread for thread in threading.enumerate() if thread.name == "streamroute heartbeat"]


async def test_a_program_may_be_cancelled_at_any_step(config: Reloadable, redis_client: Redis) -> None:
    async def program(number: int) -> None:
        async with streamroute.open(config.folder) as app:
            await app.publish("events", "t", {"n": number})
            await app.start()
            await app.drain()
            await app.reload()
            await app.stop()

    published = 0
    for steps in [*range(0, 60, 6), *range(60, 600, 60)]:
        task = asyncio.create_task(program(steps))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        ended = await within_patience(asyncio.gather(task, return_exceptions=True))
        assert ended == [None] or isinstance(ended[0], asyncio.CancelledError), ended
        assert asyncio.all_tasks() == {asyncio.current_task()}
        published = max(published, await redis_client.xlen("events"))
    assert heartbeats() == []
    async with streamroute.open(config.folder) as app:
        await app.start()
        await within_patience(app.drain())
    assert config.handlers.opened == config.handlers.closed
    assert len(config.ended()) == published > 0
    summary: Any = await redis_client.xpending("events", "tests")
    assert summary["pending"] == 0


async def test_a_container_that_is_being_opened_is_given_up(config: Reloadable) -> None:
    (config.folder / "slow.py").write_text(SLOW_CONTAINER)
    config.write(ROUTES.replace("held.build", "slow.build"))

    async def program() -> None:
        async with streamroute.open(config.folder):
            raise AssertionError("opened")

    task = asyncio.create_task(program())
    await asyncio.sleep(0)  # the configuration is loaded in the first step
    import slow  # type: ignore[import-not-found]  # written above

    await eventually(slow.opening.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await within_patience(task)
    assert asyncio.all_tasks() == {asyncio.current_task()}
