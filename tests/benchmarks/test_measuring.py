"""The streams that the benchmark fills, and the variants that read them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cases import FILTERED, FILTERED_FAST, ROUTED, UNLISTED
from measuring import Figures, Variant, fill, measure

from servers import RealServer


async def filled(redis_client: Any, server: RealServer, messages: int, mix: str) -> tuple[int, list[bool]]:
    """Fill the stream; return what ``fill`` returns, and of each entry whether a route takes it."""
    handled = fill(server, messages, mix)
    entries = await redis_client.xrange("bench")
    found = [(fields[b"type"], json.loads(fields[b"data"])) for _, fields in entries]
    return handled, [kind == b"bench.event" and data["tier"] == "gold" for kind, data in found]


async def test_a_stream_has_entries_that_a_route_takes(redis_client: Any, redis_server: RealServer) -> None:
    await redis_client.set("left", "behind")
    assert await filled(redis_client, redis_server, 1_001, "") == (1_001, [True] * 1_001)
    assert await redis_client.keys() == [b"bench"]


@pytest.mark.parametrize("mix", ["unlisted", "filtered"])
@pytest.mark.parametrize("messages", [1, 20, 1_010])
async def test_a_route_takes_one_of_twenty_of_a_mixed_stream_and_the_last(
    redis_client: Any, redis_server: RealServer, mix: str, messages: int
) -> None:
    handled, routed = await filled(redis_client, redis_server, messages, mix)
    assert sum(routed) == handled == -(-messages // 20)
    assert routed[-1]


@pytest.mark.processes
@pytest.mark.parametrize("variant", [ROUTED, UNLISTED, FILTERED, FILTERED_FAST], ids=lambda each: each.name)
async def test_a_variant_reads_its_whole_stream(
    variant: Variant, redis_client: Any, redis_server: RealServer
) -> None:
    if not variant.installed:
        pytest.skip(f"not installed: {', '.join(variant.needs)}")
    figures = Figures(variant)
    measure(redis_server, figures, variant.least)
    [group] = await redis_client.xinfo_groups("bench")
    [[last, _]] = await redis_client.xrevrange("bench", count=1)
    assert (group["last-delivered-id"], group["pending"]) == (last, 0)
    assert await redis_client.xlen("bench") == variant.least
    assert figures.rate > 0
    assert figures.cpu > 0
