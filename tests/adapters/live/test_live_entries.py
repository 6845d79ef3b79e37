"""Streams are followed without a group, in bounded steps, over deletions and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from streamroute.adapters.live.live_entries import LiveEntries, LiveStep
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.urls.url import Address

if TYPE_CHECKING:
    from redis.asyncio import Redis


def following(client: Redis, after: dict[str, str | None], max_behind: float = 60) -> LiveEntries:
    connection = RedisConnection(client, Address("redis://tests"), "")
    return LiveEntries(connection, after, max_behind=max_behind)


async def add(client: Any, stream: str, *ids: str, size: int = 1) -> None:
    for entry_id in ids:
        await client.xadd(stream, {"type": "t", "data": "x" * size}, id=entry_id)


def ids(step: LiveStep) -> list[str]:
    return [entry.id for entry in step.entries]


async def test_only_what_is_added_after_the_start_is_read_in_order_of_all_streams(
    redis_client: Redis,
) -> None:
    await add(redis_client, "a", "1-0")
    live = following(redis_client, {"a": None, "b": None})
    assert await live.start() == {"a": "1-0", "b": "0-0"}
    assert await live.step() == LiveStep(notices=("b does not exist; waiting for its first entry",))
    await add(redis_client, "a", "2-0", "4-0")
    await add(redis_client, "b", "3-0")
    step = await live.step()
    assert [(entry.stream, entry.id) for entry in step.entries] == [("a", "2-0"), ("b", "3-0"), ("a", "4-0")]
    assert step.entries[0].parts == [b"type", b"t", b"data", b"x"]
    assert step.notices == ("b exists now",)
    assert await live.step() == LiveStep()
    assert await redis_client.xinfo_groups("a") == []


async def test_history_is_read_from_an_id_on(redis_client: Redis) -> None:
    await add(redis_client, "a", *(f"{number}-0" for number in range(1, 131)))
    live = following(redis_client, {"a": "10-0"})
    await live.start()
    found: list[str] = []
    while True:
        step = await live.step()
        found += ids(step)
        if not step.is_behind:
            break
    assert found == [f"{number}-0" for number in range(11, 131)]


async def test_pages_of_large_entries_are_small(redis_client: Redis) -> None:
    await add(redis_client, "a", *(f"{number}-0" for number in range(1, 31)), size=1_000_000)
    live = following(redis_client, {"a": "0-0"})
    await live.start()
    counts = [len((await live.step()).entries) for _ in range(4)]
    assert counts == [10, 4, 4, 4]


async def test_a_stream_that_is_created_again_is_read_from_its_start(redis_client: Redis) -> None:
    await add(redis_client, "a", "50-0")
    live = following(redis_client, {"a": None})
    await live.start()
    await redis_client.delete("a")
    assert (await live.step()).notices == ("a does not exist; waiting for its first entry",)
    await add(redis_client, "a", "7-0")
    assert ids(await live.step()) == ["7-0"]


async def test_a_key_that_is_no_stream_is_named_once_and_hides_no_other(redis_client: Redis) -> None:
    live = following(redis_client, {"a": "0-0", "b": "0-0"})
    await redis_client.set("a", "text")
    await add(redis_client, "b", "1-0")
    step = await live.step()
    assert ids(step) == ["1-0"]
    assert len(step.notices) == 1
    assert "reading a failed" in step.notices[0]
    assert (await live.step()).notices == ()
    await redis_client.delete("a")
    await add(redis_client, "a", "2-0")
    assert ids(await live.step()) == ["2-0"]


@pytest.mark.parametrize("from_start", [True, False])
async def test_a_stream_that_is_faster_than_its_reader_is_left_at_its_end(
    redis_client: Redis, from_start: bool
) -> None:
    """What was there at the start is read in full."""
    live = following(redis_client, {"a": "0-0" if from_start else None}, max_behind=-1)
    await add(redis_client, "a", "1-0")
    await live.start()
    if not from_start:
        await live.step()
    await add(redis_client, "a", *(f"{number}-0" for number in range(2, 42)))
    step = await live.step()
    if from_start:
        assert step.is_behind
        assert step.notices == ()
    else:
        assert step.notices == ("a grows faster than it is read: entries from 11-0 to 41-0 are left out",)
        assert not step.is_behind
        assert ids(await live.step()) == []
