"""The usual design, for comparison: it acks each entry when its handlers have run, and has no more than that.

No fence, no heartbeat, no retry, no dead letters: a handler that fails is logged. It claims what was idle
for the lease, and creates its group again when that is gone. ``python baseline.py ROUTES_YAML`` takes the
place of ``streamroute serve``; of the configuration it reads the lease alone.
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
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

import effects
from producer import GROUP, KIND, STREAM
from streamroute.message import Message

log = logging.getLogger(__name__)

_BATCH = 32


async def main(lease: float) -> None:
    """Consume until SIGTERM."""
    consumer = f"host-{os.getpid()}-{secrets.token_hex(4)}"
    async with Redis.from_url(os.environ["FAULTS_URL"], protocol=2) as client:
        work = asyncio.create_task(_consume(client, consumer, int(lease * 1000)))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
        with suppress(asyncio.CancelledError):
            await work


async def _consume(client: Any, consumer: str, lease: int) -> None:
    while True:
        try:
            await _create_group(client)
            while True:
                claimed = await client.xautoclaim(STREAM, GROUP, consumer, lease, "0-0", count=_BATCH)
                read = await client.xreadgroup(GROUP, consumer, {STREAM: ">"}, count=_BATCH, block=500)
                entries = [(*entry, 2) for entry in claimed[1]]
                entries += [(*entry, 1) for _, rows in read for entry in rows]
                await asyncio.gather(*(_process(client, *entry) for entry in entries))
        except (RedisError, OSError) as error:
            log.warning("trying again: %r", error)
            await asyncio.sleep(0.2)


async def _create_group(client: Any) -> None:
    try:
        await client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


async def _process(client: Any, entry_id: bytes, fields: dict[bytes, bytes], deliveries: int) -> None:
    try:
        payload = Message(json.loads(fields[b"data"]), id=entry_id.decode(), deliveries=deliveries)
        if fields[b"type"] == KIND.encode():
            await effects.record(payload)
            if payload.get("fails"):
                await effects.flaky(payload)
    except Exception:
        log.exception("the handler failed")
    await client.xack(STREAM, GROUP, entry_id)


if __name__ == "__main__":
    found = re.search(r"lease: ([0-9.]+)s", Path(sys.argv[1]).read_text())
    assert found is not None
    asyncio.run(main(float(found[1])))
