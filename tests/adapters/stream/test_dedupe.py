"""The dedupe contract, in memory and on real servers."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples

pytest.register_assert_rewrite("dedupe_contract")

from redis.asyncio import Redis  # noqa: E402 - after the asserts are registered

from backends import MemoryBackend, RedisBackend  # noqa: E402
from consuming import consuming, eventually  # noqa: E402
from dedupe_contract import Deduplication, nothing_left, once  # noqa: E402


class TestOnMemory(Deduplication):
    """The contract in memory."""

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        return MemoryBackend()


class TestOnServers(Deduplication):
    """The contract on real servers."""

    @pytest.fixture
    def backend(self, redis_client: Redis) -> RedisBackend:
        return RedisBackend(redis_client)


runs = st.lists(
    st.tuples(st.sampled_from("ab"), st.lists(st.booleans(), min_size=1, max_size=3)), min_size=1, max_size=8
)


@settings(max_examples=examples(0.6))
@given(runs)
async def test_each_key_succeeds_once_unless_every_message_with_it_died(
    plan: list[tuple[str, list[bool]]],
) -> None:
    """Each message has a key, and defines which of its attempts succeed."""
    succeeded: list[str] = []

    async def handle(payload: Any, container: Any) -> None:
        await asyncio.sleep(0)
        key, attempts = plan[int(payload["n"])]
        if not attempts[min(payload.attempt, len(attempts)) - 1]:
            raise RuntimeError("no luck")
        succeeded.append(key)

    backend = MemoryBackend()
    with patch("streamroute.compiler.runtime.dedupe.wait_time", lambda waited: 0.001):
        async with consuming(backend.storage(), once(handle).process_message, concurrency=4):
            for n, (key, _) in enumerate(plan):
                await backend.add(type="booked", key=key, n=str(n))
            await eventually(lambda: nothing_left(backend))
    able = {key for key, attempts in plan if any(attempts)}
    assert sorted(succeeded) == sorted(able)
