"""What a worker held when it died is a line for each stream."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from consuming import GROUP, STREAM
from servers import free_port
from streamroute.adapters.redis.connection import new_client
from streamroute.adapters.snapshots.worker_snapshot import RunningEntry, WorkerSnapshot
from streamroute.adapters.stream.publishers import connection_of
from streamroute.keys import GroupKeys
from streamroute.ops.workers.last_entries import LastEntries

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from streamroute.config.document import Document


def document(tmp_path: Any) -> Document:
    from streamroute.config.load import load_config

    path = tmp_path / "routes.yaml"
    path.write_text(
        f"version: 1\nstreams: {{{STREAM}: {{group: {GROUP}}}}}\n"
        "routes: [{name: a, type: t, handler: streamroute.handlers.log}]\n"
    )
    loaded = load_config(path).document
    assert loaded is not None
    return loaded


async def test_ten_entries_are_named_those_that_ran_first(
    redis_client: Redis, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    client: Any = redis_client
    consumer = f"{socket.gethostname()}-4711-aa"
    await client.xgroup_create(STREAM, GROUP, id="$", mkstream=True)
    for number in range(1, 13):
        await client.xadd(STREAM, {"type": "t"}, id=f"{number}-0")
    await client.xreadgroup(GROUP, consumer, {STREAM: ">"}, count=100)
    snapshot = WorkerSnapshot(at=1, running=[RunningEntry("5-0", "5-0", "welcome", 1.5, 2)])
    await client.hset(GroupKeys.of(STREAM, GROUP).stats, consumer, snapshot.pack())
    await LastEntries(connection_of(client), lambda: document(tmp_path)).tell(2, 4711)
    assert caplog.messages == [
        (
            f"worker 2 (process 4711) held 12 entries of {STREAM}, which run again when its lease ends: "
            "5-0 (run by route welcome, attempt 2), 1-0, 2-0, 3-0, 4-0, 6-0, 7-0, 8-0, 9-0, 10-0 and 2 more"
        )
    ]


async def test_a_worker_that_held_nothing_is_not_mentioned(
    redis_client: Redis, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await LastEntries(connection_of(redis_client), lambda: document(tmp_path)).tell(2, 4711)
    assert caplog.messages == []


async def test_without_redis_nothing_is_told_and_nothing_raised(
    tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with new_client(f"redis://127.0.0.1:{free_port()}") as client:
        await LastEntries(connection_of(client), lambda: document(tmp_path)).tell(2, 4711)
    assert caplog.messages == []
