"""The publisher for programs without an event loop: threads, forks, errors; on a real server."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from redis import Redis as BlockingRedis

from publishing_projects import entries, routes
from streamroute import Event, SyncPublisher
from streamroute.errors import ConfigError, EncodeError, RedisUnavailableError, SetupError

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis


async def test_events_are_published(tmp_path: Path, redis_url: str, redis_client: Redis) -> None:
    with SyncPublisher(routes(tmp_path, redis_url)) as publisher:
        first = publisher.publish("bot_events", "ping", {"n": 1}, headers={"tenant": "x"}, id="a")
        assert publisher.publish("bot_events", "ping", id="a") == first
        others = publisher.publish_many("bot_events", (Event("ping", {"n": n}) for n in range(3)))
    assert [entry_id for entry_id, _ in await entries(redis_client)] == [first, *others]


async def test_threads_share_one(tmp_path: Path, redis_url: str, redis_client: Redis) -> None:
    with SyncPublisher(routes(tmp_path, redis_url)) as publisher, ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: publisher.publish("bot_events", "ping", {"n": n}), range(200)))
    assert sorted(ids) == sorted(entry_id for entry_id, _ in await entries(redis_client))


def test_it_must_be_open(tmp_path: Path, redis_url: str) -> None:
    publisher = SyncPublisher(routes(tmp_path, redis_url))
    with pytest.raises(SetupError, match="is not open"):
        publisher.publish("bot_events", "ping")
    publisher.close()
    with publisher, pytest.raises(SetupError, match="is open already"):
        publisher.open()
    with pytest.raises(SetupError, match="is not open"):
        publisher.publish("bot_events", "ping")
    with publisher:
        publisher.publish("bot_events", "ping")


def test_it_raises_what_the_publisher_raises(tmp_path: Path, redis_url: str) -> None:
    with SyncPublisher(routes(tmp_path, redis_url)) as publisher:
        with pytest.raises(SetupError, match='did you mean "bot_events"'):
            publisher.publish("bot_event", "ping")
        with pytest.raises(EncodeError, match="a delay is a number of seconds"):
            publisher.publish("bot_events", "ping", delay=-1)
    with pytest.raises(RedisUnavailableError, match="no socket there"):
        SyncPublisher(tmp_path, url=f"unix://{tmp_path}/none").open()
    with pytest.raises(SetupError, match="at most a year"):
        SyncPublisher(tmp_path, id_ttl=0)
    with pytest.raises(ConfigError):
        SyncPublisher(tmp_path / "none.yaml").open()


FORKING = """
import os, sys
from streamroute import SyncPublisher

with SyncPublisher(sys.argv[1]) as publisher:
    publisher.publish("bot_events", "ping", {"from": "parent", "n": 1})
    children = []
    for n in range(3):
        child = os.fork()
        if not child:
            for m in range(20):
                publisher.publish("bot_events", "ping", {"from": f"child {n}", "n": m})
            if n == 0:
                publisher.close()
            os._exit(0)
        children.append(child)
        publisher.publish("bot_events", "ping", {"from": "parent", "n": 2 + n})
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    publisher.publish("bot_events", "ping", {"from": "parent", "n": 5})
"""


def test_a_forked_child_publishes_over_connections_of_its_own(tmp_path: Path, redis_url: str) -> None:
    command = [sys.executable, "-c", FORKING, str(routes(tmp_path, redis_url))]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    with BlockingRedis.from_url(redis_url) as client:
        assert client.xlen("bot_events") == 65


CONSUMING = """
import asyncio, os, sys
from streamroute import SyncPublisher, StreamrouteError
from streamroute.system.forked import consuming

async def main():
    with SyncPublisher(sys.argv[1]) as publisher, consuming(asyncio.get_running_loop()):
        child = os.fork()
        if not child:
            try:
                publisher.publish("bot_events", "ping")
            except StreamrouteError as error:
                print(error, flush=True)
            os._exit(0)
        os.waitpid(child, 0)

asyncio.run(main())
"""


def test_a_child_of_a_consuming_process_is_told_how_to_start(tmp_path: Path, redis_url: str) -> None:
    command = [sys.executable, "-c", CONSUMING, str(routes(tmp_path, redis_url))]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b'cannot use Redis; start it with multiprocessing.get_context("spawn")' in done.stdout
