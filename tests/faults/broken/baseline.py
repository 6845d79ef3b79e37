"""The usual design, for comparison: it acknowledges each entry after its handlers, and does nothing else.

No fence, no heartbeat, no retry, no dead letters: a failing handler is logged. It claims entries idle
for the lease, and recreates its group if that is gone. ``python baseline.py ROUTES_YAML`` replaces
``streamroute serve``; it reads only the lease from the configuration.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import secrets
import signal
import sys
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

import effects
from producer import GROUP, KIND, STREAM
from streamroute.delivery import Delivery
from streamroute.message import Message

log = logging.getLogger(__name__)

_MAX_RUNNING = 32  # entries at a time


async def main(lease: float) -> None:
    """Consume until SIGTERM; running handlers are cut off."""
    consumer = f"host-{os.getpid()}-{secrets.token_hex(4)}"
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Redis.from_url(os.environ["FAULTS_URL"], protocol=2) as client:
        await _consume(client, consumer, int(lease * 1000), stop)


async def _consume(client: Any, consumer: str, lease: int, stop: asyncio.Event) -> None:
    running: set[asyncio.Task[None]] = set()
    group_is_sure = False
    while not stop.is_set():
        try:
            if not group_is_sure:
                await _create_group(client)
                group_is_sure = True
            for entry in await _next_entries(client, consumer, lease, _MAX_RUNNING - len(running)):
                task = asyncio.create_task(_process(client, *entry))
                running.add(task)
                task.add_done_callback(running.discard)
            if len(running) >= _MAX_RUNNING:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        except (RedisError, OSError) as error:
            log.warning("trying again: %r", error)
            group_is_sure = False
            await asyncio.sleep(0.2)


async def _next_entries(
    client: Any, consumer: str, lease: int, count: int
) -> list[tuple[bytes, dict[bytes, bytes], int]]:
    """Return the claimed and the read entries: id, fields, and delivery count."""
    claimed = await client.xautoclaim(STREAM, GROUP, consumer, lease, "0-0", count=count)
    read = await client.xreadgroup(GROUP, consumer, {STREAM: ">"}, count=count, block=200)
    entries = [(entry_id, fields, 2) for entry_id, fields in claimed[1]]
    return entries + [(entry_id, fields, 1) for _, rows in read for entry_id, fields in rows]


async def _create_group(client: Any) -> None:
    try:
        await client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


async def _process(client: Any, entry_id: bytes, fields: dict[bytes, bytes], deliveries: int) -> None:
    try:
        delivery = Delivery(deliveries=deliveries)
        payload = Message(json.loads(fields[b"data"]), id=entry_id.decode(), delivery=delivery)
        if fields[b"type"] == KIND.encode():
            await effects.record(payload)
            if payload.get("fails"):
                await effects.flaky(payload)
    except Exception as error:  # noqa: BLE001 - logged, and that is all, as usual
        log.warning("the handler failed: %r", error)
    try:
        await client.xack(STREAM, GROUP, entry_id)
    except (RedisError, OSError) as error:
        log.warning("not acked: %r", error)


if __name__ == "__main__":
    found = re.search(r"lease: ([0-9.]+)s", Path(sys.argv[1]).read_text())
    assert found is not None
    asyncio.run(main(float(found[1])))
