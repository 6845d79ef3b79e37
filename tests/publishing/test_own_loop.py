"""A publisher and an application belong to the event loop in which they were opened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import streamroute
from publishing_projects import entries, routes
from streamroute import Publisher
from streamroute.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from redis.asyncio import Redis


def in_another_loop(call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Run a coroutine in another loop."""
    asyncio.run(call())


async def test_another_loop_cannot_publish(tmp_path: Path, redis_url: str, redis_client: Redis) -> None:
    async with Publisher(routes(tmp_path, redis_url)) as publisher:
        with pytest.raises(SetupError, match="the publisher was opened in another event loop"):
            await asyncio.to_thread(in_another_loop, lambda: publisher.publish("bot_events", "ping"))
        await publisher.publish("bot_events", "ping")
    assert len(await entries(redis_client)) == 1


async def test_a_publisher_may_be_opened_again_in_another_loop(
    tmp_path: Path, redis_url: str, redis_client: Redis
) -> None:
    publisher = Publisher(routes(tmp_path, redis_url))

    async def publish() -> None:
        async with publisher:
            await publisher.publish("bot_events", "ping")

    await publish()
    await asyncio.to_thread(in_another_loop, publish)
    assert len(await entries(redis_client)) == 2


@pytest.mark.parametrize("method", ["start", "stop", "run", "drain", "reload"])
async def test_another_loop_cannot_run_an_application(tmp_path: Path, redis_url: str, method: str) -> None:
    path = routes(tmp_path, redis_url)
    path.write_text(path.read_text().replace("trap.door", "streamroute.handlers.log"))
    async with streamroute.open(path) as app:
        with pytest.raises(SetupError, match="the application was opened in another event loop"):
            await asyncio.to_thread(in_another_loop, getattr(app, method))
        assert not app.is_running
        await app.start()
