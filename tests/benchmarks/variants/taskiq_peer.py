"""taskiq-redis: a stream broker and a receiver in this process."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any

from common import STREAM, Clock, report, run
from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker


async def main(options: argparse.Namespace, clock: Clock) -> None:
    """Send the messages first, untimed, because they have the library's own format."""
    # It parses RESP2 replies only, while redis-py defaults to RESP3.
    broker = RedisStreamBroker(f"{options.url}?protocol=2", queue_name=f"{STREAM}:taskiq", consumer_id="0")
    done, left = asyncio.Event(), options.messages

    @broker.task(task_name="count")  # type: ignore[untyped-decorator,unused-ignore]  # typed where it is installed
    async def count(payload: dict[str, Any]) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            done.set()

    broker.is_worker_process = True
    await broker.startup()
    payload = {"tier": "gold", "nights": 4, "note": "x" * 140}
    for start in range(0, options.messages, 200):
        await asyncio.gather(*(count.kiq(payload) for _ in range(min(200, options.messages - start))))
    clock.start()
    receiver = asyncio.create_task(run_receiver_task(broker))
    await asyncio.wait([receiver, asyncio.create_task(done.wait())], return_when=asyncio.FIRST_COMPLETED)
    clock.stop()
    report(clock)
    os._exit(0)  # a cancelled receiver may never end


run(main)
