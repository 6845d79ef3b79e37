"""streamroute as `serve` runs it: routes.yaml, one filter, leases, heartbeats, claims and retries on."""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from common import GROUP, STREAM, Clock, run
from redis.asyncio import Redis

ROUTES = """
version: 1
redis: {{url: "{url}"}}
streams:
  {stream}: {{group: {group}, concurrency: {concurrency}}}
routes:
  - name: count
    type: bench.event
    filter: tier == 'gold' && nights >= `3`
    handler: bench_handlers.{handler}
"""
HANDLERS = """
import asyncio, itertools, time
left = {messages}
done = None
loop = None
async def count(payload):
    global left
    left -= 1
    if left == 0:
        done.set()
async def wait(payload):
    await asyncio.sleep({sleep})
    await count(payload)
ended = itertools.count(1)
def block(payload):
    time.sleep({sleep})
    if next(ended) == {messages}:
        loop.call_soon_threadsafe(done.set)
"""


def write(folder: Path, options: argparse.Namespace) -> None:
    """Write the configuration and its handlers."""
    waiting = "block" if options.sync else "wait"
    settings: dict[str, Any] = {"url": options.url, "stream": STREAM, "group": GROUP}
    settings |= {"concurrency": options.concurrency, "handler": waiting if options.sleep else "count"}
    handlers = HANDLERS.format(messages=options.handled or options.messages, sleep=options.sleep)
    (folder / "routes.yaml").write_text(ROUTES.format(**settings))
    (folder / "bench_handlers.py").write_text(handlers)


def counting(what: str) -> dict[str, Any]:
    """Return the arguments of the app that make it count ``what``."""
    from streamroute.ops.metrics.counters import Counters

    counters = Counters({STREAM: ("count",)})
    settings: dict[str, Any] = {} if what == "none" else {"observer": counters.observe}
    return settings | ({"recorder": counters.recorded.recorder} if what == "histograms" else {})


async def main(options: argparse.Namespace, clock: Clock) -> None:
    """Use the command line's steps: check, open, start; outcomes are counted as well."""
    from streamroute.adapters.redis.connection import open_redis
    from streamroute.app import open_app
    from streamroute.compiler.pipeline import check_path
    from streamroute.ops.serve.gc_tuning import rare_collections
    from streamroute.ops.traces.process_traces import process_traces

    if options.sampled is not None:
        os.environ |= {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": options.sampled}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, options)
        checked = check_path(folder)
        if checked.document is None or checked.compiled is None or checked.findings:
            raise SystemExit("\n".join(map(str, checked.findings)))
        import bench_handlers  # type: ignore[import-not-found]  # written a moment ago

        bench_handlers.done, bench_handlers.loop = asyncio.Event(), asyncio.get_running_loop()
        async with (
            open_redis(options.url, folder=folder) as redis,
            process_traces(options.traces) as tracing,
            open_app(
                *(redis, checked.document, checked.compiled),
                **counting(options.metrics),
                tracing=tracing,
            ) as app,
        ):
            with rare_collections():
                await app.start()
                clock.start()  # the readers' tasks exist, but have not run yet
                await bench_handlers.done.wait()
                await _settled(redis.client)
                clock.stop()


async def _settled(client: Redis) -> None:
    """Wait until every entry is acknowledged."""
    while (await client.xpending(STREAM, GROUP))["pending"]:  # noqa: ASYNC110 - the server sets no event
        await asyncio.sleep(0.001)


run(main)
