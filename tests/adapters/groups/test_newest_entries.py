"""The newest entries of a stream are read in pages of bounded size, and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from consuming import STREAM
from streamroute.adapters.groups.newest_entries import NewestEntries
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.urls.url import Address
from streamroute.errors import SetupError

if TYPE_CHECKING:
    from redis.asyncio import Redis


def newest(client: Redis, limit: int, **bounds: int) -> NewestEntries:
    return NewestEntries(RedisConnection(client, Address("redis://tests"), ""), STREAM, limit, **bounds)


async def add(client: Any, count: int, size: int = 1) -> None:
    for number in range(1, count + 1):
        await client.xadd(STREAM, {"type": "t", "data": "x" * size}, id=f"{number}-0")


def ids(pages: Sequence[Sequence[Any]]) -> list[str]:
    return [row[0].decode() for page in pages for row in page]


async def test_the_newest_come_first_up_to_the_limit(redis_client: Redis) -> None:
    await add(redis_client, 130)
    reader = newest(redis_client, 120)
    assert await reader.count() == 120
    pages = [page async for page in reader.pages()]
    assert ids(pages) == [f"{number}-0" for number in range(130, 10, -1)]
    assert pages[0][0][1] == [b"type", b"t", b"data", b"x"]
    assert await redis_client.xinfo_groups(STREAM) == []


async def test_all_are_read_if_there_are_fewer(redis_client: Redis) -> None:
    assert [page async for page in newest(redis_client, 5).pages()] == []
    await add(redis_client, 3)
    reader = newest(redis_client, 100_000)
    assert await reader.count() == 3
    assert ids([page async for page in reader.pages()]) == ["3-0", "2-0", "1-0"]


async def test_a_page_is_bounded_by_its_bytes(redis_client: Redis) -> None:
    await add(redis_client, 60, size=1000)
    pages = [page async for page in newest(redis_client, 60, reply_bytes=3000).pages()]
    assert [len(page) for page in pages[1:4]] == [2, 2, 2]
    assert len(ids(pages)) == 60


async def test_entries_that_are_added_meanwhile_are_not_read(redis_client: Redis) -> None:
    await add(redis_client, 60)
    pages = newest(redis_client, 60).pages()
    first = await anext(pages)
    await redis_client.xadd(STREAM, {"type": "t"}, id="100-0")
    assert ids([first, *[page async for page in pages]]) == [f"{number}-0" for number in range(60, 0, -1)]


async def test_a_key_that_is_not_a_stream_is_named(redis_client: Redis) -> None:
    await redis_client.set(STREAM, "x")
    with pytest.raises(SetupError, match=f"reading {STREAM} failed"):
        await newest(redis_client, 5).count()
