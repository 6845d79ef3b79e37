"""Skipped entries on a server: nothing that can be observed differs from handling each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from consuming import eventually
from reloads import Reloadable, reloadable
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.groups.live_workers import pack_known_routes
from streamroute.adapters.pauses.store import PauseStore
from streamroute.adapters.redis.connection import open_redis
from streamroute.app import App
from streamroute.core.consume.flush_timer import FlushTimer
from streamroute.core.observer import Result
from streamroute.keys import GroupKeys
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.tail.worker.sampler import OutcomeSampler
from streamroute.values import KnownRoutes

KEYS = GroupKeys.of("events", "tests")
STREAMS = "streams: {events: {group: tests, concurrency: 1, retry: {max_attempts: 1}, SETTINGS}}\n"
ROUTES = (
    STREAMS
    + """
routes:
  - {name: gold, type: t, filter: "starts_with(tier, 'g')", handler: held.note, with: {by: gold}}
  - {name: many, type: t, filter: "n > `50`", handler: held.note, with: {by: many}}
  - {name: lone, type: lone, filter: "n < `3`", handler: held.note, with: {by: lone}}
  - {name: all, type: all, handler: held.note, with: {by: all}}
container: held.build
"""
)
FEW = "\n".join(line for line in ROUTES.splitlines() if "name: all" not in line)


@pytest.fixture
def served(tmp_path: Path, redis_url: str) -> Iterator[Reloadable]:
    yield from reloadable(tmp_path, redis_url)


def routes(text: str = ROUTES, **changed: str) -> str:
    return text.replace("SETTINGS", ", ".join(f"{key}: {value}" for key, value in changed.items()))


def counted(served: Reloadable, counters: Counters, text: str = "") -> AbstractAsyncContextManager[App]:
    return served.running(text or routes(), observer=counters.observe)


async def add(client: Redis, *entries: Mapping[str, Any]) -> None:
    pipeline: Any = client.pipeline(transaction=False)
    for entry in entries:
        pipeline.xadd("events", dict(entry))
    await pipeline.execute()


def event(kind: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "data": json.dumps(data)}


async def is_done(client: Any) -> bool:
    """Whether the group has read everything, and nothing is pending or scheduled."""
    group = (await client.xinfo_groups("events"))[0]
    stream = await client.xinfo_stream("events")
    is_read = group["last-delivered-id"] == stream["last-generated-id"]
    left = group["pending"] or await client.exists(KEYS.delayed) or await client.xlen(KEYS.retry)
    return is_read and not left


def skipped(app: App) -> int:
    """Return how many entries the app has skipped."""
    return app.services["events"].processor._lifecycle._skipped.skipped


async def warm_up(client: Redis, app: App) -> None:
    """Handle an unlisted message, so that its type is known, and what other workers list."""
    await add(client, event("other"))
    await eventually(lambda: is_done(client))
    storage: Any = app.services["events"].storage
    coordinator = storage._readers["events", "tests", consumer(app)].coordinator
    assert coordinator.listed_types() is not None


def consumer(app: App) -> str:
    return app.services["events"].processor.consumer_name


async def test_messages_that_no_route_takes_are_acknowledged_and_counted(
    served: Reloadable, redis_client: Redis
) -> None:
    counters = Counters({"events": ("gold", "many", "lone", "all")})
    async with counted(served, counters) as app:
        await warm_up(redis_client, app)
        rest = [event("lone", n=9)] * 40 + [event("t", n=1, tier="red")] * 40
        await add(redis_client, *[event("other")] * 39, *rest, event("all", n=5))
        await eventually(lambda: is_done(redis_client))
        assert 39 <= skipped(app) <= 119  # the first messages of the other types are handled
        assert served.handlers.ran[0][:3] == ("start", "all", 5)
    assert counters.unlisted.types == {"other": 40}
    filtered = {route: row["filtered"] for (_, route), row in counters.backlog.items()}
    assert filtered == {"lone": 40, "gold": 40, "many": 40, "all": 0}


_KINDS = st.sampled_from(["other", "rare", "t", "lone", "all"])
_DATA = st.fixed_dictionaries(
    {}, optional={"n": st.integers(0, 60), "tier": st.sampled_from(["gold", "red", 7, None])}
)
_ENTRIES = st.one_of(
    st.builds(lambda kind, data: event(kind, **data), _KINDS, _DATA),
    st.builds(lambda kind: event(kind, n=1, tier="red"), st.sampled_from(["t", "lone"])),
    st.just(event("other", n=1)),
    st.sampled_from(
        [
            {"type": "t", "data": "{"},
            {"type": "", "data": "{}"},
            {"data": '{"type": "other", "n": 1}'},
            {"n": "1", "type": "lone"},
            {"type": "lone", "data": '{"n": 9}', "more": "1"},
            event("other", n=1, _streamroute={"group": "another"}),
            event("lone", n=9, _streamroute={"group": "another"}),
        ]
    ),
)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(entries=st.lists(_ENTRIES, min_size=40, max_size=160))
async def test_nothing_differs_from_handling_each_message(
    served: Reloadable, entries: list[dict[str, Any]]
) -> None:
    """An observer that sees each message keeps any from being skipped."""
    async with Redis.from_url(served.url) as client:
        skipping = await facts_of(served, client, entries, is_watched=False)
        assert await facts_of(served, client, entries, is_watched=True) == skipping


async def facts_of(
    served: Reloadable, client: Redis, entries: list[dict[str, Any]], *, is_watched: bool
) -> tuple[Any, ...]:
    """Return what ran for these entries, the dead letters, and the counts."""
    await client.flushall()
    counters = Counters({"events": ("gold", "many", "lone", "all")})

    def watch(payload: Mapping[str, Any], route: str | None, result: Result) -> None:
        counters.observe(payload, route, result)

    async with served.running(routes(), observer=watch if is_watched else counters.observe) as app:
        served.handlers.ran.clear()
        await warm_up(client, app)
        await add(client, *entries)
        await eventually(lambda: is_done(client))
        assert not (is_watched and skipped(app))
    letters: Any = await client.xrange(KEYS.dead)
    records = [DeadRecord.read(fields) for _, fields in letters]
    dead = [(one.route, one.reason, one.attempt, one.deliveries, one.type) for one in records]
    counts = counters.as_dict()
    counts["routes"].sort(key=lambda row: row["route"])
    return [run[:3] for run in served.handlers.ran], dead, counts


async def test_a_type_that_another_worker_lists_waits_for_it(served: Reloadable, redis_client: Redis) -> None:
    client: Any = redis_client
    counters = Counters({"events": ("gold", "many", "lone", "all")})
    async with counted(served, counters) as app:
        await warm_up(redis_client, app)
        seconds, _ = await client.time()
        await client.hset(
            KEYS.routes, "digest", pack_known_routes(KnownRoutes(frozenset("a"), frozenset({"other"})))
        )
        await client.hset(KEYS.workers, "two", f"{seconds * 1000 + 60_000} 60000 digest")
        storage: Any = app.services["events"].storage
        storage._readers[
            "events", "tests", consumer(app)
        ].coordinator._workers._until = 0.0  # its second is over
        await add(client, event("other"), event("other"))
        await eventually(lambda: client.zcard(KEYS.due))
        await eventually(lambda: client.zcard(KEYS.due))
        await client.hdel(KEYS.routes, "digest")
    assert counters.unlisted.types == {"other": 1}


async def test_unknown_types_are_dead_lettered_if_the_stream_says_so(
    served: Reloadable, redis_client: Redis
) -> None:
    async with counted(served, Counters({}), routes(unknown_type="dead_letter")) as app:
        await add(redis_client, *[event("other")] * 30)
        await eventually(lambda: is_done(redis_client))
        assert not skipped(app)
    assert await redis_client.xlen(KEYS.dead) == 30


async def test_an_undecodable_entry_is_dead_lettered_unless_its_type_is_unlisted(
    served: Reloadable, redis_client: Redis
) -> None:
    async with counted(served, Counters({})) as app:
        await warm_up(redis_client, app)
        broken = [{"type": kind, "data": "{"} for kind in ("other", "all", "other", "t")]
        await add(redis_client, *broken, {"type": b"\xff", "data": "{}"})
        await eventually(lambda: is_done(redis_client))
        assert skipped(app) == 2
    assert await redis_client.xlen(KEYS.dead) == 3


async def test_who_watches_outcomes_sees_every_message(served: Reloadable, redis_client: Redis) -> None:
    async with counted(served, Counters({})) as app:
        await warm_up(redis_client, app)
        sampler = OutcomeSampler(app.observing, lambda: list(app.services.values()))
        sampler.watch(["events"])
        await add(redis_client, event("other"), event("lone", n=9), event("other"))
        await eventually(lambda: is_done(redis_client))
        assert [(one.kind, one.result) for one in sampler.take("events").outcomes] == [
            *[("other", "unknown"), ("lone", "filtered"), ("other", "unknown")]
        ]
        sampler.watch([])
        await add(redis_client, event("other"), event("lone", n=9))
        await eventually(lambda: skipped(app) == 2)


async def test_a_reload_that_adds_a_route_ends_the_skipping_of_its_type(
    served: Reloadable, redis_client: Redis
) -> None:
    async with counted(served, Counters({}), routes(FEW)) as app:
        await add(redis_client, event("all", n=1))
        await eventually(lambda: is_done(redis_client))
        await add(redis_client, event("all", n=2))
        await eventually(lambda: skipped(app) == 1)
        await served.reload(routes())
        await add(redis_client, event("all", n=3))
        await eventually(lambda: served.has_ended(3))
        await eventually(lambda: is_done(redis_client))
    assert served.ended() == {3: ("all", 2)}


async def test_nothing_is_skipped_while_a_route_is_paused(served: Reloadable, redis_client: Redis) -> None:
    async with counted(served, Counters({})) as app:
        await warm_up(redis_client, app)
        gate = app.services["events"].processor._gate
        assert gate is not None
        async with open_redis(served.url, folder=served.folder) as connection:
            store = PauseStore(connection, KEYS)
            await store.pause("all", "", "test")
            await eventually(lambda: gate.view.routes)
            await add(redis_client, event("other"), event("lone", n=9))
            await eventually(lambda: is_done(redis_client))
            assert not skipped(app)
            await store.resume("all")
            await eventually(lambda: not gate.parks)
            await add(redis_client, event("lone", n=9))
            await eventually(lambda: skipped(app) == 1)


async def test_what_a_consumer_skipped_and_did_not_acknowledge_is_delivered_again(
    served: Reloadable, redis_client: Redis
) -> None:
    """As after a crash: it stays pending, and the next worker handles it."""
    counters = Counters({"events": ("gold", "many", "lone", "all")})
    async with counted(served, Counters({}), routes(lease="1s", claim_interval="100ms")) as app:
        await warm_up(redis_client, app)
        acks = app.services["events"].processor._lifecycle._skipped
        acks._timer = FlushTimer(3600.0)
        await add(redis_client, *[event("other")] * 3)
        await eventually(lambda: skipped(app) == 3)
        pending: Any = await redis_client.xpending("events", "tests")
        assert pending["pending"] == 3
        acks._waiting.clear()  # it forgets them
        acks._count = 0
    served.handlers.ran.clear()
    async with counted(served, counters, routes(lease="1s", claim_interval="100ms")):
        await eventually(lambda: is_done(redis_client))
    assert counters.unlisted.types == {"other": 3}


async def test_a_drain_acknowledges_what_was_skipped(served: Reloadable, redis_client: Redis) -> None:
    async with counted(served, Counters({})) as app:
        await warm_up(redis_client, app)
        app.services["events"].processor._lifecycle._skipped._timer = FlushTimer(3600.0)
        await add(redis_client, *[event("other")] * 3)
        await eventually(lambda: skipped(app) == 3)
        assert not await is_done(redis_client)
    assert await is_done(redis_client)
