"""A processor that awaits each XACK: the usual design."""

from __future__ import annotations

import argparse
from typing import Any

from common import GROUP, STREAM, Clock, loads, run
from redis.asyncio import Redis


async def handle(payload: dict[str, Any]) -> None:
    """Do nothing."""


async def main(options: argparse.Namespace, clock: Clock) -> None:
    """Handle one entry after the other."""
    decode, left = loads(options.fast), options.messages
    async with Redis.from_url(options.url) as client:
        await client.xgroup_create(STREAM, GROUP, "0", mkstream=True)
        clock.start()
        while left:
            reply: Any = await client.xreadgroup(GROUP, "awaited", {STREAM: ">"}, count=500, block=1000)
            entries = reply[0][1] if isinstance(reply, list) else reply[STREAM.encode()][0]
            for entry_id, fields in entries:
                payload = decode(fields[b"data"])
                payload["type"] = fields[b"type"].decode()
                await handle(payload)
                await client.xack(STREAM, GROUP, entry_id)
            left -= len(entries)
        clock.stop()


run(main)
