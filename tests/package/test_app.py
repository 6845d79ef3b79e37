"""The app of a configuration: wired as it says, started whole or not at all, stopped without loss."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from consuming import eventually
from projects import JOBS
from streamroute.adapters.groups.live_workers import pack_known_routes
from streamroute.adapters.redis.connection import open_redis
from streamroute.app import App, open_app
from streamroute.compiler.pipeline import check_path
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.errors import RedisUnavailableError, SetupError
from streamroute.keys import GroupKeys
from streamroute.ops.metrics.counters import Counters
from streamroute.values import KnownRoutes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from redis.asyncio import Redis

CONFIG = """
version: 1
redis: {url: "${REDIS_URL}"}
container: wiring.build
streams:
  events: {group: tests, lease: 7s, concurrency: 3, grace: 2s, max_deliveries: 9}
  fields: {group: others, codec: fields, dead_letter: "{fields}:gone", unknown_type: dead_letter}
  silent: {}
routes:
  - {name: a, stream: events, type: t, handler: jobs.ok}
  - {name: b, stream: [events, fields], type: t, handler: jobs.told, with: {word: b}}
  - {name: off, stream: silent, type: t, handler: jobs.ok, enabled: false}
"""

TOLD = """

def told(payload, container, *, word):
    note(word, payload["n"], container["name"])
"""

WIRING = """
from contextlib import asynccontextmanager
from jobs import note

@asynccontextmanager
async def build():
    yield {"name": "container"}
    note("closed")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name, text in (("routes.yaml", CONFIG), ("jobs.py", JOBS + TOLD), ("wiring.py", WIRING)):
        (tmp_path / name).write_text(text)
    with isolated_imports(tmp_path):
        yield tmp_path


@asynccontextmanager
async def app_of(folder: Path, url: str, counters: Counters | None = None) -> AsyncIterator[App]:
    result = check_path(folder, env={"REDIS_URL": url})
    assert result.findings == ()
    assert result.document is not None
    assert result.compiled is not None
    async with open_redis(url, folder=folder) as redis:
        observer: Any = (counters or Counters({})).observe
        async with open_app(redis, result.document, result.compiled, observer=observer) as app:
            yield app


def ledger(folder: Path) -> list[str]:
    path = folder / "ledger"
    return sorted(path.read_text().splitlines()) if path.exists() else []


async def publish(app: App, stream: str, payload: dict[str, Any]) -> None:
    target = app.publisher(stream)
    await target.publish([target.encode(payload)])


async def test_every_stream_with_routes_is_served_in_its_own_way(
    folder: Path, redis_url: str, redis_client: Redis
) -> None:
    counters = Counters({})
    async with app_of(folder, redis_url, counters) as app:
        assert list(app.services) == ["events", "fields"]
        await app.start()
        await publish(app, "events", {"type": "t", "n": 1})
        await publish(app, "fields", {"type": "t", "n": "2"})
        await publish(app, "fields", {"type": "unlisted"})
        await eventually(lambda: redis_client.xlen("{fields}:gone"))
        await eventually(lambda: ledger(folder) == ["b 1 container", "b 2 container", "ok 1"])
    assert ledger(folder)[-2:] == ["closed", "ok 1"]
    assert {key: row["succeeded"] for key, row in counters.backlog.items()} == {
        ("events", "a"): 1,
        ("events", "b"): 1,
        ("fields", "b"): 1,
        ("fields", "(no route)"): 0,
    }


async def test_a_group_abandoned_at_run_time_is_reported(
    folder: Path, redis_url: str, redis_client: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """The old worker still runs when the new one starts, as in a rolling deploy."""
    client: Any = redis_client
    old = GroupKeys.of("events", "renamed")
    seconds, _ = await client.time()
    await client.xgroup_create("events", "renamed", id="0", mkstream=True)
    await client.hset(old.routes, "digest", pack_known_routes(KnownRoutes(frozenset({"a"}), frozenset())))
    await client.hset(old.workers, "alive", f"{seconds * 1000 + 60_000} 60000 ")
    await client.hset(old.delayed, "1", "a retry")
    async with app_of(folder, redis_url) as app:
        await app.start(check_groups_every=0.02)
        assert "has no worker" not in caplog.text
        await client.delete(old.workers)
        await eventually(lambda: "the group renamed of events had routes" in caplog.text)
    assert caplog.text.count("has no worker") == 1


async def test_leaving_the_app_settles_started_messages(
    folder: Path, redis_url: str, redis_client: Redis
) -> None:
    async with app_of(folder, redis_url) as app:
        await app.start()
        await publish(app, "events", {"type": "t", "n": 1})
        await eventually(lambda: ledger(folder))
    pending: Any = await redis_client.xpending("events", "tests")
    assert pending["pending"] == 0
    async with app_of(folder, redis_url) as app:
        assert not await app.backlog("events").remains(await app.publisher("events").last_id())


async def test_an_app_starts_completely_or_not_at_all(
    folder: Path, redis_url: str, redis_client: Redis
) -> None:
    await redis_client.set("fields", "text")
    async with app_of(folder, redis_url) as app:
        with pytest.raises(
            SetupError, match="the key fields is a string, and streamroute needs a stream there"
        ):
            await app.start()
        await publish(app, "events", {"type": "t", "n": 1})
        assert await redis_client.xinfo_groups("events") == []
    assert ledger(folder) == ["closed"]


async def test_an_unreachable_server_is_reported_in_plain_words(folder: Path) -> None:
    with pytest.raises(RedisUnavailableError, match="no socket there; is the server running"):
        async with app_of(folder, "unix:///nowhere/socket") as app:
            await app.start()


async def test_a_user_who_lacks_a_right_reads_nothing(
    folder: Path, redis_url: str, redis_client: Redis
) -> None:
    await redis_client.execute_command("ACL", "SETUSER", "shy", "on", ">p", "~*", "+@all", "-hdel")  # type: ignore[no-untyped-call]  # redis-py gives no types
    async with app_of(folder, redis_url.replace("unix://", "unix://shy:p@")) as app:
        with pytest.raises(SetupError, match=r"lacks rights to consume events; add to its ACL: \+hdel$"):
            await app.start()
    assert not await redis_client.exists("events")


ORDERED = """
version: 1
redis: {url: "${REDIS_URL}"}
streams: {events: {order_by: key}} # streamroute: ignore[SR218]
routes:
  - {name: a, type: t, handler: turns.take}
"""

TURNS = """
import asyncio
seen = []

async def take(payload):
    seen.append(("start", payload["key"], payload["n"]))
    for _ in range(5):
        await asyncio.sleep(0)
    seen.append(("end", payload["key"], payload["n"]))
"""


async def test_order_by_runs_equal_keys_one_after_the_other(tmp_path: Path, redis_url: str) -> None:
    for name, text in (("routes.yaml", ORDERED), ("turns.py", TURNS)):
        (tmp_path / name).write_text(text)
    with isolated_imports(tmp_path):
        async with app_of(tmp_path, redis_url) as app:
            for number in range(10):
                await publish(app, "events", {"type": "t", "key": "ab"[number % 2], "n": number})
            await app.start()
            import turns  # type: ignore[import-not-found]  # written by this test

            await eventually(lambda: len(turns.seen) == 20)
    for key, numbers in (("a", range(0, 10, 2)), ("b", range(1, 10, 2))):
        mine = [(what, number) for what, of, number in turns.seen if of == key]
        assert mine == [(what, number) for number in numbers for what in ("start", "end")]
    assert turns.seen[1][0] == "start", "the other key runs beside it"
