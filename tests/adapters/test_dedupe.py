"""Dedupe keeps its promises on the memory twin and on real servers."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("dedupe_contract")

from redis.asyncio import Redis  # noqa: E402 - after the asserts are registered

from backends import MemoryBackend, RedisBackend  # noqa: E402
from dedupe_contract import Deduplication  # noqa: E402


class TestOnMemory(Deduplication):
    """The twin."""

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        return MemoryBackend()


class TestOnServers(Deduplication):
    """The real thing."""

    @pytest.fixture
    def backend(self, redis_client: Redis) -> RedisBackend:
        return RedisBackend(redis_client)
