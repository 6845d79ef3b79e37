"""The example of an outbox: each event is in its stream once, in order, whatever crashes in between."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

import streamroute
from example_projects import importable_example
from repository import EXAMPLES, ROOT
from servers import RealServer, wait_until

FOLDER = EXAMPLES / "outbox"


@pytest.fixture
def modules(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Any, Any, sqlite3.Connection]]:
    """The example's modules ``database`` and ``relay``, and an empty database."""
    monkeypatch.setenv("ORDERS", str(tmp_path / "orders.db"))
    with importable_example("outbox", redis_url, monkeypatch):
        database, relay = (importlib.import_module(f"orders.{name}") for name in ("database", "relay"))
        with closing(database.open_database()) as orders:
            orders.execute("PRAGMA synchronous = OFF")  # the machine does not lose power here
            yield database, relay, orders


async def numbers(redis: Any) -> list[int]:
    """The numbers of the orders in the stream, in its order."""
    return [json.loads(fields[b"data"])["number"] for _, fields in await redis.xrange("orders")]


def left(orders: sqlite3.Connection) -> int:
    return int(orders.execute("SELECT count(*) FROM outbox").fetchone()[0])


async def test_events_are_published_in_the_order_of_their_transactions(
    modules: Any, redis_client: Redis
) -> None:
    database, relay, orders = modules
    placed = [database.place_order(orders, "ann", nights) for nights in range(1, 521)]
    await relay.relay(orders, once=True)
    assert (await numbers(redis_client), left(orders)) == (placed, 0)


async def test_a_transaction_that_is_rolled_back_has_no_event(modules: Any) -> None:
    database, _, orders = modules
    database.place_order(orders, "ann", 1)
    with pytest.raises(sqlite3.IntegrityError):
        database.place_order(orders, None, 1)

    def fail_later() -> None:
        with orders:
            database.add_event(orders, "order.placed", {})
            raise LookupError

    with pytest.raises(LookupError):
        fail_later()
    assert left(orders) == 1


async def test_a_crash_between_publishing_and_forgetting_repeats_nothing(
    modules: Any, redis_client: Redis
) -> None:
    database, relay, orders = modules
    database.place_order(orders, "ann", 1)
    async with streamroute.Publisher(FOLDER) as publisher:
        await publisher.publish_many("orders", [event for _, event in database.waiting_events(orders, 10)])
    database.place_order(orders, "bob", 2)
    await relay.relay(orders, once=True)
    assert (await numbers(redis_client), left(orders)) == ([1, 2], 0)


async def test_while_redis_is_away_the_events_stay_in_the_outbox(
    modules: Any, start_server: Callable[..., RealServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, relay, orders = modules
    database.place_order(orders, "ann", 1)
    server = start_server()
    async with streamroute.Publisher(FOLDER, url=server.url) as publisher:
        server.stop()
        with pytest.raises(streamroute.RedisUnavailableError):
            await relay.relay_batch(orders, publisher)
    assert left(orders) == 1


async def test_what_redis_is_known_to_have_is_forgotten(modules: Any) -> None:
    database, relay, orders = modules
    for nights in (1, 2, 3):
        database.place_order(orders, "ann", nights)

    class Breaking:
        async def publish_many(self, stream: str, events: list[streamroute.Event]) -> list[str]:
            raise streamroute.PublishError("the connection broke", ["1-0"], unknown=1)

    with pytest.raises(streamroute.PublishError):
        await relay.relay_batch(orders, Breaking())
    assert [event.data["number"] for _, event in database.waiting_events(orders, 10)] == [2, 3]


@pytest.mark.processes
def test_a_relay_that_is_killed_again_and_again_writes_each_event_once(modules: Any, redis_url: str) -> None:
    database, relay, orders = modules
    placed: list[int] = []
    for _ in range(4):
        placed += [database.place_order(orders, "ann", 1) for _ in range(50)]
        before = left(orders)
        running = subprocess.Popen([sys.executable, "-m", "orders.relay"], cwd=FOLDER, env=_environment())
        try:
            wait_until(partial(_is_shorter, orders, before), "the relay publishes")
        finally:
            running.send_signal(signal.SIGKILL)
            running.wait()

    async def finish() -> list[int]:
        await relay.relay(orders, once=True)
        async with Redis.from_url(redis_url) as redis:
            return await numbers(redis)

    assert (asyncio.run(finish()), left(orders)) == (placed, 0)


def _is_shorter(orders: sqlite3.Connection, before: int) -> bool:
    return left(orders) < before


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
