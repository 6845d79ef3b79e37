"""Latency of an entry: ``--consumer bare|routed``, at a rate, from XADD to the handler's first line."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from common import GROUP, STREAM
from redis.asyncio import Redis

PRODUCER: Final = Path(__file__).with_name("steady_producer.py")
ROUTES: Final = """
version: 1
redis: {{url: "{url}"}}
streams: {{bench: {{group: bench}}}}
routes:
  - {{name: note, type: bench.event, filter: nights >= `3`, handler: latency_handlers.note}}
"""
HANDLERS: Final = """
import time
seen = []
async def note(payload):
    seen.append(time.monotonic_ns() - payload["sent"])
"""


async def bare(url: str, count: int, seen: list[int]) -> None:
    """Run a blocking read, with an XACK after each batch."""
    async with Redis.from_url(url) as client:
        await client.xgroup_create(STREAM, GROUP, "0", mkstream=True)
        while len(seen) < count:
            reply: Any = await client.xreadgroup(GROUP, "bare", {STREAM: ">"}, count=500, block=1000)
            if not reply:
                continue
            entries = reply[0][1] if isinstance(reply, list) else reply[STREAM.encode()][0]
            for _, fields in entries:
                payload = json.loads(fields[b"data"])
                seen.append(time.monotonic_ns() - payload["sent"])
            await client.xack(STREAM, GROUP, *(entry_id for entry_id, _ in entries))


async def routed(url: str, count: int, folder: Path) -> list[int]:
    """Consume as `serve` does."""
    from streamroute.adapters.redis.connection import open_redis
    from streamroute.app import open_app
    from streamroute.compiler.pipeline import check_path

    checked = check_path(folder)
    if checked.document is None or checked.compiled is None or checked.findings:
        raise SystemExit("\n".join(map(str, checked.findings)))
    import latency_handlers  # type: ignore[import-not-found]  # written a moment ago

    seen: list[int] = latency_handlers.seen
    async with (
        open_redis(url, folder=folder) as redis,
        open_app(redis, checked.document, checked.compiled) as app,
    ):
        await app.start()
        while len(seen) < count:  # noqa: ASYNC110 - the handlers set no event, which would cost them time
            await asyncio.sleep(0.05)
    return seen


async def main() -> None:
    """Consume the messages of a separate producer process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--consumer", choices=["bare", "routed"], required=True)
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--rate", type=float, default=50)
    options = parser.parse_args()
    words = [options.url, STREAM, str(options.messages), str(options.rate)]
    producer = await asyncio.create_subprocess_exec(sys.executable, PRODUCER, *words)
    with tempfile.TemporaryDirectory() as name:
        folder, seen = Path(name), list[int]()
        (folder / "routes.yaml").write_text(ROUTES.format(url=options.url))
        (folder / "latency_handlers.py").write_text(HANDLERS)
        if options.consumer == "bare":
            await bare(options.url, options.messages, seen)
        else:
            seen = await routed(options.url, options.messages, folder)
        await producer.wait()
    cuts = statistics.quantiles(seen, n=100)
    sys.stdout.write(json.dumps({"median_us": cuts[49] / 1e3, "p99_us": cuts[98] / 1e3}) + "\n")


asyncio.run(main())
