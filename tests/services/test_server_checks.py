"""What the server says about a stream before it is consumed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from streamroute.adapters.redis.connection import open_redis
from streamroute.compiler.pipeline import check_path
from streamroute.core.observer import ignore_result
from streamroute.errors import SetupError
from streamroute.services.server_checks import create_group, require_usable_keys
from streamroute.services.service import Service, ServiceBuilder
from streamroute.stream_pipeline import build_pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis

    from streamroute.adapters.redis.connection import RedisConnection


def service(folder: Path, redis: RedisConnection, settings: str) -> Service:
    (folder / "routes.yaml").write_text(f"version: 1\nstreams: {{events: {{{settings}}}}}\nroutes: []\n")
    compiled = check_path(folder).compiled
    assert compiled is not None
    stream = compiled.document.streams["events"]
    return ServiceBuilder(redis, "me").build(build_pipeline(stream, compiled, [], None, ignore_result))


async def test_a_group_is_created_unless_it_takes_over_another(
    tmp_path: Path, redis_url: str, redis_client: Redis
) -> None:
    async with open_redis(redis_url, folder=tmp_path) as redis:
        await create_group(redis, service(tmp_path, redis, "group: g"))
        await create_group(redis, service(tmp_path, redis, "group: h, formerly_group: g"))
    groups: Any = await redis_client.xinfo_groups("events")
    assert [group["name"] for group in groups] == [b"g"]


async def test_a_key_of_another_type_is_refused(tmp_path: Path, redis_url: str, redis_client: Redis) -> None:
    await redis_client.set("events", "text")
    async with open_redis(redis_url, folder=tmp_path) as redis:
        for check in (require_usable_keys, create_group):
            with pytest.raises(SetupError, match="events is a string"):
                await check(redis, service(tmp_path, redis, "group: g"))


async def test_an_unreachable_server_refuses_nothing(tmp_path: Path) -> None:
    url = "redis://127.0.0.1:1"
    async with open_redis(url, folder=tmp_path) as redis:
        one = service(tmp_path, redis, "group: g")
        checks = (require_usable_keys(redis, one), create_group(redis, one))
        assert list(await asyncio.gather(*checks)) == [None, None]
