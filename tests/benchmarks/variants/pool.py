"""The baseline for handlers that wait: N coroutines that await the same sleep, and nothing else."""

from __future__ import annotations

import argparse
import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from common import Clock, run


async def main(options: argparse.Namespace, clock: Clock) -> None:
    """Run without Redis: the best that the event loop can do."""
    left = options.messages

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            if options.sync:
                await asyncio.to_thread(time.sleep, options.sleep)
            else:
                await asyncio.sleep(options.sleep)

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(options.concurrency))
    clock.start()
    await asyncio.gather(*(work() for _ in range(options.concurrency)))
    clock.stop()


run(main)
