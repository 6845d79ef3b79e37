"""What publishing costs: ``python tests/benchmarks/publishing.py`` compares it with redis-py's own client.

In one process, on one server: rows take turns, and the quickest turn of each counts. All rows write the same
entries, a ``type`` and 176 bytes of JSON, which are encoded within the measurement. Ratios are to the row of
redis-py in the same group; figures of redis-py include its ``json.dumps``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from measuring import PAYLOAD
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from servers import RealServer, valkey_binary
from streamroute import Event, Publisher, SyncPublisher

_TURN: Final = 2000  # events
_CHUNK: Final = 500  # events in one round trip of a pipeline, as many as of publish_many
_ROUTES: Final = """\
version: 1
redis: {{url: "{url}"}}
streams: {{bench: {{group: g}}}}
messages:
  bench.event:
    schema: {{type: object, properties: {{nights: {{type: integer}}}}, required: [nights]}}
routes: [{{name: r, type: bench.event, handler: streamroute.handlers.log}}]
"""

Turn = Callable[[int], Awaitable[None]]


def fields() -> dict[str, str]:
    """Return an entry as a program without streamroute writes it."""
    return {"type": "bench.event", "data": json.dumps(PAYLOAD)}


def pipelines(client: Redis, publisher: Publisher) -> dict[str, Turn]:
    """Return what writes many events in a round trip."""

    async def pipeline(count: int, *, transaction: bool) -> None:
        for start in range(0, count, _CHUNK):
            async with client.pipeline(transaction=transaction) as batch:
                for _ in range(min(_CHUNK, count - start)):
                    batch.xadd("bench", fields())  # type: ignore[arg-type]  # redis-py's types are invariant
                await batch.execute()

    async def bare(count: int) -> None:
        await pipeline(count, transaction=False)

    async def multi(count: int) -> None:
        await pipeline(count, transaction=True)

    async def publish_many(count: int) -> None:
        await publisher.publish_many("bench", [Event("bench.event", PAYLOAD) for _ in range(count)])

    async def validated(count: int) -> None:
        events = [Event("bench.event", PAYLOAD) for _ in range(count)]
        await publisher.publish_many("bench", events, validate=True)

    async def with_ids(count: int) -> None:
        now = time.perf_counter_ns()
        events = [Event("bench.event", PAYLOAD, id=f"{now}-{n}") for n in range(count)]
        await publisher.publish_many("bench", events)

    return {
        "redis-py, pipeline": bare,
        "  redis-py, pipeline in MULTI": multi,
        "  publish_many": publish_many,
        "  publish_many, validate": validated,
        "  publish_many, each with an id": with_ids,
    }


def one_by_one(
    client: Redis, publisher: Publisher, blocking: BlockingRedis, sync: SyncPublisher
) -> dict[str, Turn]:
    """Return what writes one event in a round trip; a turn is a tenth as long."""

    async def xadd(count: int) -> None:
        for _ in range(count // 10):
            await client.xadd("bench", fields())  # type: ignore[arg-type]  # redis-py's types are invariant

    async def publish(count: int) -> None:
        for _ in range(count // 10):
            await publisher.publish("bench", "bench.event", PAYLOAD)

    async def blocking_xadd(count: int) -> None:
        for _ in range(count // 10):
            blocking.xadd("bench", fields())  # type: ignore[arg-type]  # redis-py's types are invariant

    async def sync_publish(count: int) -> None:
        for _ in range(count // 10):
            sync.publish("bench", "bench.event", PAYLOAD)

    return {
        "redis-py, xadd one by one": xadd,
        "  publish one by one": publish,
        "redis-py, blocking xadd": blocking_xadd,
        "  SyncPublisher.publish": sync_publish,
    }


async def measure(compared: dict[str, Turn], turns: int, clear: Callable[[], Any]) -> dict[str, float]:
    """Return the least microseconds of an event, by row."""
    least = dict.fromkeys(compared, float("inf"))
    for _ in range(turns):
        for name, turn in compared.items():
            clear()
            started = time.perf_counter()
            await turn(_TURN)
            count = _TURN if "many" in name or "pipeline" in name else _TURN // 10
            least[name] = min(least[name], (time.perf_counter() - started) / count * 1e6)
    return least


async def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=20)
    options = parser.parse_args()
    with RealServer(valkey_binary()) as server, tempfile.TemporaryDirectory() as folder:
        routes = Path(folder) / "routes.yaml"
        routes.write_text(_ROUTES.format(url=server.url))
        with BlockingRedis.from_url(server.url) as blocking, SyncPublisher(routes) as sync:
            async with Redis.from_url(server.url) as client, Publisher(routes) as many:
                compared = pipelines(client, many) | one_by_one(client, many, blocking, sync)
                least = await measure(compared, options.turns, blocking.flushall)
    unit = 1.0  # µs of the first row of a group
    sys.stdout.write(f"{'':<32} {'µs an event':>12} {'events/s':>10} {'rate to redis-py':>17}\n")
    for name, micros in least.items():
        unit = micros if not name.startswith(" ") else unit
        sys.stdout.write(f"{name:<32} {micros:>12.1f} {1e6 / micros:>10,.0f} {unit / micros:>17.2f}\n")


if __name__ == "__main__":
    asyncio.run(main())
