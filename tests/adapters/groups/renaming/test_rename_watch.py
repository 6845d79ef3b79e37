"""Abandoned groups are reported when a worker starts and while it runs, once each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import pytest
from redis.asyncio import Redis

from backends import KEYS
from consuming import GROUP, STREAM, eventually
from streamroute.adapters.groups.live_workers import pack_known_routes
from streamroute.adapters.groups.renaming.abandoned import AbandonedGroup, OtherGroups
from streamroute.adapters.groups.renaming.rename_watch import GroupWatch, watch_groups
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import RedisUnavailableError, SetupError
from streamroute.keys import GroupKeys
from streamroute.values import KnownRoutes

OLD, OTHER = "mailer", "billing"
OLD_KEYS, OTHER_KEYS = GroupKeys.of(STREAM, OLD), GroupKeys.of(STREAM, OTHER)
SAID = (
    f"the group {OLD} of {STREAM} had routes of this configuration, and has no worker: 7 unread, 2 pending, "
    f"1 retries; to take them over: formerly_group: {OLD}; to drop them: XGROUP DESTROY {STREAM} {OLD}"
)


class Found(OtherGroups):
    """OtherGroups with scripted groups."""

    def __init__(self, *names: str, error: Exception | None = None) -> None:
        super().__init__(connection_of(Redis()), STREAM, GROUP, {"note"})
        self.names = names
        self.error = error
        self.looks = 0

    async def abandoned(self, besides: Collection[str] = ()) -> list[AbandonedGroup]:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return [AbandonedGroup(name, 7, 2, 1) for name in self.names if name not in besides]


async def test_leftovers_at_the_start_are_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    watch = GroupWatch(STREAM, Found(OLD))
    await watch.check_at_start()
    for _ in range(3):
        await watch.check()
    assert caplog.messages == [SAID]


async def test_later_leftovers_are_reported_after_two_polls(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = Found()
    watch = GroupWatch(STREAM, found)
    await watch.check_at_start()
    await watch.check()
    found.names = (OLD,)
    await watch.check()
    assert caplog.messages == []
    for _ in range(3):
        await watch.check()
    assert caplog.messages == [SAID]


async def test_workers_that_are_restarted_are_away_for_a_moment(caplog: pytest.LogCaptureFixture) -> None:
    found = Found()
    watch = GroupWatch(STREAM, found)
    for found.names in ((OLD,), (), (OLD,), ()):
        await watch.check()
    assert caplog.messages == []


async def test_the_group_whose_place_is_taken_is_not_left_behind(caplog: pytest.LogCaptureFixture) -> None:
    watch = GroupWatch(STREAM, Found(OLD, OTHER), OLD)
    await watch.check_at_start()
    for _ in range(2):
        await watch.check()
    [message] = caplog.messages
    assert message.startswith(f"the group {OTHER} of")


async def test_an_outage_is_logged_by_consumers(caplog: pytest.LogCaptureFixture) -> None:
    watch = GroupWatch(STREAM, Found(error=RedisUnavailableError("away")))
    await watch.check_at_start()
    await watch.check()
    assert caplog.messages == []


async def test_a_failure_is_logged_once_and_the_watch_continues(caplog: pytest.LogCaptureFixture) -> None:
    found = Found(error=SetupError("WRONGTYPE"))
    watch = GroupWatch(STREAM, found)
    with pytest.raises(SetupError):
        await watch.check_at_start()
    for _ in range(2):
        await watch.check()
    assert caplog.messages == ["could not look for abandoned groups: WRONGTYPE"]


async def test_every_stream_is_polled_until_cancelled() -> None:
    found = [Found(), Found()]
    watches = [GroupWatch(STREAM, one) for one in found]
    task = asyncio.create_task(watch_groups(lambda: watches, 0.01))
    await eventually(lambda: min(one.looks for one in found) > 2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert abs(found[0].looks - found[1].looks) <= 1


async def test_streams_that_come_and_go_are_followed() -> None:
    first, second = Found(), Found()
    current: list[GroupWatch] = []
    task = asyncio.create_task(watch_groups(lambda: current, 0.001))
    await asyncio.sleep(0)
    current = [GroupWatch(STREAM, first)]
    await eventually(lambda: first.looks > 2)
    current = [GroupWatch(STREAM, second)]
    await eventually(lambda: second.looks > 2)
    before = first.looks
    await eventually(lambda: second.looks > 5)
    assert first.looks == before
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_watch_that_continues_another_reports_nothing_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before, after = GroupWatch(STREAM, Found(OLD)), GroupWatch(STREAM, Found(OLD, OTHER))
    await before.check_at_start()
    after.continue_from(before)
    await after.check_at_start()
    assert [line.split()[2] for line in caplog.messages] == [OLD, OTHER]


async def test_a_group_is_reported_when_its_last_worker_ends(
    redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    client: Any = redis_client
    await left_with_a_retry(client, OLD, "note")
    seconds, _ = await client.time()
    await client.hset(OLD_KEYS.workers, "alive", f"{seconds * 1000 + 60_000} 60000 ")
    watch = GroupWatch(STREAM, OtherGroups(connection_of(client), STREAM, GROUP, {"note"}))
    await watch.check_at_start()
    for _ in range(2):
        await watch.check()
    assert caplog.messages == []
    await client.delete(OLD_KEYS.workers)
    for _ in range(3):
        await watch.check()
    [message] = caplog.messages
    assert message.startswith(
        f"the group {OLD} of {STREAM} had routes of this configuration, and has no worker"
    )


async def test_reported_and_foreign_groups_cost_nothing(
    redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    client: Any = redis_client
    await left_with_a_retry(client, OLD, "note")
    await left_with_a_retry(client, OTHER, "bill")
    await client.xgroup_create(KEYS.stream, GROUP, id="0")
    watch = GroupWatch(STREAM, OtherGroups(connection_of(client), STREAM, GROUP, {"note"}))
    await watch.check_at_start()
    assert len(caplog.messages) == 1
    before = await calls(client)
    for _ in range(3):
        await watch.check()
    after = await calls(client)
    requests = {name: count - before.get(name, 0) for name, count in after.items()}
    assert {name: count for name, count in requests.items() if count} == {"xinfo": 3}


async def test_a_group_without_known_routes_is_checked_again(redis_client: Redis) -> None:
    client: Any = redis_client
    await client.xgroup_create(STREAM, OLD, id="0", mkstream=True)
    await client.hset(OLD_KEYS.delayed, "1", "a retry")
    groups = OtherGroups(connection_of(client), STREAM, GROUP, {"note"})
    assert await groups.abandoned() == []
    await client.hset(
        OLD_KEYS.routes, "digest", pack_known_routes(KnownRoutes(frozenset({"note"}), frozenset()))
    )
    assert [left.name for left in await groups.abandoned()] == [OLD]


async def left_with_a_retry(client: Any, group: str, route: str) -> None:
    """Create a group without workers that knew a route."""
    keys = GroupKeys.of(STREAM, group)
    await client.xgroup_create(STREAM, group, id="0", mkstream=True)
    await client.hset(keys.delayed, "1", "a retry")
    await client.hset(keys.routes, "digest", pack_known_routes(KnownRoutes(frozenset({route}), frozenset())))


async def calls(client: Any) -> dict[str, int]:
    """Return the number of calls of each command, without those of the test and of connections."""
    others = {"info", "hello", "client", "auth", "select"}
    stats = await client.info("commandstats")
    counts: dict[str, int] = {}
    for name, facts in stats.items():
        command = name.removeprefix("cmdstat_").split("|")[0]
        counts[command] = counts.get(command, 0) + int(facts["calls"])
    return {name: n for name, n in counts.items() if name not in others}
