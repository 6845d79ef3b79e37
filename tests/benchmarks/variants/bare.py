"""The baseline: read 500, decode, await a handler, ack the batch with one XACK."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from common import GROUP, STREAM, Clock, loads, run
from redis.asyncio import Redis


async def main(options: argparse.Namespace, clock: Clock) -> None:
    """Run the loop; with ``--sleep``, ``--concurrency`` coroutines share each batch."""
    decode, left = loads(options.fast), options.messages
    slots = asyncio.Semaphore(options.concurrency)

    async def handle(payload: dict[str, Any]) -> None:
        if options.sleep:
            async with slots:
                await asyncio.sleep(options.sleep)

    async with Redis.from_url(options.url) as client:
        await client.xgroup_create(STREAM, GROUP, "0", mkstream=True)
        clock.start()
        while left:
            reply: Any = await client.xreadgroup(GROUP, "bare", {STREAM: ">"}, count=500, block=1000)
            entries = reply[0][1] if isinstance(reply, list) else reply[STREAM.encode()][0]
            payloads = []
            for _, fields in entries:
                payload = decode(fields[b"data"])
                payload["type"] = fields[b"type"].decode()
                payloads.append(payload)
            if options.sleep:
                await asyncio.gather(*(handle(payload) for payload in payloads))
            else:
                for payload in payloads:
                    await handle(payload)
            await client.xack(STREAM, GROUP, *(entry_id for entry_id, _ in entries))
            left -= len(entries)
        clock.stop()


run(main)
