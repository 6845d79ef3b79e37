"""The storage contract: in memory, and on Redis and Valkey with both protocols."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

pytest.register_assert_rewrite("storage_contract")

from redis.asyncio import Redis  # noqa: E402

from backends import MemoryBackend, RedisBackend  # noqa: E402 - after the asserts are registered
from storage_contract import Groups, Histories, Leases, Outcomes  # noqa: E402


class TestMemoryStreamStorage(Groups, Histories, Leases, Outcomes):
    """The contract in memory."""

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        return MemoryBackend()


class TestRedisStreamStorage(Groups, Histories, Leases, Outcomes):
    """The contract on real servers."""

    @pytest.fixture(params=[2, pytest.param(3, marks=pytest.mark.servers)], ids=["RESP2", "RESP3"])
    async def backend(self, redis_url: str, request: pytest.FixtureRequest) -> AsyncIterator[RedisBackend]:
        async with Redis.from_url(redis_url, protocol=request.param) as client:
            yield RedisBackend(client)
