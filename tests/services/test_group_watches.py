"""Groups that were left behind are reported for the routes of each configuration, once each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from consuming import eventually
from reloads import Reloadable, reloadable
from streamroute.adapters.groups.live_workers import pack_known_routes
from streamroute.keys import GroupKeys
from streamroute.values import KnownRoutes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis.asyncio import Redis


@pytest.fixture
def project(tmp_path: Path, redis_url: str) -> Iterator[Reloadable]:
    yield from reloadable(tmp_path, redis_url)


def config(name: str, *streams: str) -> str:
    declared, listed = ", ".join(f"{stream}: {{group: g}}" for stream in streams), ", ".join(streams)
    return f"""
streams: {{{declared}}}
routes: [{{name: {name}, stream: [{listed}], type: t, handler: streamroute.handlers.log}}]
"""


async def leave_behind(client: Any, stream: str, route: str) -> None:
    """Leave a group with a route and a retry, and without a worker."""
    old = GroupKeys.of(stream, "former")
    await client.xgroup_create(stream, "former", id="0", mkstream=True)
    await client.hset(old.routes, "digest", pack_known_routes(KnownRoutes(frozenset({route}), frozenset())))
    await client.hset(old.delayed, "1", "a retry")


async def test_each_configuration_reports_what_was_not_reported(
    project: Reloadable, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await leave_behind(redis_client, "events", "a")
    await leave_behind(redis_client, "more", "b")

    def reported() -> list[str]:
        lines = [line for line in caplog.messages if line.startswith("the group former of")]
        return [line.split()[4] for line in lines]

    async with project.running(config("a", "events")):
        assert reported() == ["events"]
        await project.reload(config("a", "events", "other"))
        await project.reload(config("b", "events", "more"))
        await eventually(lambda: reported() == ["events", "more"])
