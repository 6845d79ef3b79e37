"""FastStream in its default mode, or in batches with ``--concurrency 0``."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from common import GROUP, STREAM, Clock, run
from faststream.redis import RedisBroker, StreamSub


async def main(options: argparse.Namespace, clock: Clock) -> None:
    """Run a subscriber of a consumer group that acknowledges on success."""
    broker, done, left = RedisBroker(options.url), asyncio.Event(), options.messages
    batch = options.concurrency == 0
    source = StreamSub(
        STREAM, group=GROUP, consumer="peer", last_id="0", batch=batch, max_records=500, polling_interval=100
    )

    @broker.subscriber(stream=source)  # type: ignore[untyped-decorator,unused-ignore]  # typed where it is installed
    async def handle(message: Any) -> None:
        nonlocal left
        left -= len(message) if batch else 1
        if left <= 0:
            done.set()

    clock.start()
    await broker.start()
    await done.wait()
    clock.stop()
    await broker.stop()


run(main)
