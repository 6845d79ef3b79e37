"""The consuming contract, in memory and on real servers."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("consuming_contract")

from redis.asyncio import Redis  # noqa: E402 - after the asserts are registered

from backends import MemoryBackend, RedisBackend  # noqa: E402
from consuming_contract import (  # noqa: E402
    Deploys,
    Finishing,
    Healing,
    Isolation,
    Running,
    Stopping,
)


class TestOnMemory(Finishing, Healing, Stopping, Running, Isolation, Deploys):
    """The contract in memory."""

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        return MemoryBackend()


class TestOnServers(Finishing, Healing, Stopping, Running, Isolation, Deploys):
    """The contract on real servers."""

    @pytest.fixture
    def backend(self, redis_client: Redis) -> RedisBackend:
        return RedisBackend(redis_client)
