"""A renamed group: its successor takes over what it left, and nothing runs twice."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis

from backends import RedisBackend
from consuming import STREAM, Handling, consuming, dispatcher_of, eventually, failing, named
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.groups.live_workers import pack_known_routes
from streamroute.adapters.groups.renaming import takeover as group_takeover
from streamroute.adapters.groups.renaming.abandoned import AbandonedGroup, OtherGroups
from streamroute.adapters.groups.renaming.takeover import GroupTakeover
from streamroute.adapters.pauses.store import PauseStore
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.redis.scripts import script
from streamroute.adapters.stream.publishers import connection_of
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.errors import Reject, Retry, SetupError
from streamroute.keys import GroupKeys, PauseKeys
from streamroute.values import KnownRoutes, RetryPolicy

OLD, NEW = "mailer", "notifications"
OLD_KEYS, NEW_KEYS = GroupKeys.of(STREAM, OLD), GroupKeys.of(STREAM, NEW)


@pytest.fixture
def backend(redis_client: Redis) -> RedisBackend:
    return RedisBackend(redis_client)


def storage(backend: RedisBackend, formerly: str | None = OLD, **settings: Any) -> RedisStreamStorage:
    return RedisStreamStorage(backend.client, block=0.05, formerly_group=formerly, **settings)


async def left_by_the_old_group(backend: RedisBackend) -> dict[str, str]:
    """Create what a group may leave: entries done, pending, waiting for a retry, dead, and unread."""

    def then(payload: Any) -> Any:
        if payload["n"] == "retried":
            raise Retry(delay=0.2)
        if payload["n"] == "dead":
            raise Reject("bad")
        return asyncio.Event().wait() if payload["n"] == "running" else None

    handler = Handling(then=then)
    old = dispatcher_of(named(handler, "note"), retry=RetryPolicy(max_attempts=10_000))
    ids = {}
    async with consuming(storage(backend, None), old.process_message, group=OLD, grace=0.01, concurrency=5):
        for n in ("done", "retried", "dead", "running"):
            ids[n] = await backend.add(type="booked", n=n)
        await eventually(lambda: {"done", "retried", "dead", "running"} <= set(handler.numbers()))
        await eventually(lambda: backend.client.xlen(OLD_KEYS.dead))
        await eventually(lambda: backend.client.hgetall(OLD_KEYS.routes))
    ids["unread"] = await backend.add(type="booked", n="unread")
    return ids


async def test_everything_is_taken_over_and_nothing_runs_twice(backend: RedisBackend) -> None:
    ids = await left_by_the_old_group(backend)
    handler = Handling()
    async with consuming(storage(backend), dispatcher_of(named(handler, "note")).process_message, group=NEW):
        await eventually(lambda: len(handler.seen) == 3)
        await eventually(lambda: _is_at_rest(backend))
    assert sorted(handler.numbers()) == ["retried", "running", "unread"]
    by_number = {payload["n"]: payload for payload in handler.seen}
    assert by_number["retried"].attempt > 1
    assert by_number["running"].deliveries == 2
    [(_, fields)] = await backend.client.xrange(NEW_KEYS.dead)
    assert (DeadRecord.read(fields).id, DeadRecord.read(fields).reason) == (ids["dead"], "bad")
    assert [group["name"] for group in await backend.client.xinfo_groups(STREAM)] == [NEW.encode()]
    old = (OLD_KEYS.retry, OLD_KEYS.due, OLD_KEYS.delayed, OLD_KEYS.dead, OLD_KEYS.workers, OLD_KEYS.routes)
    assert not await backend.client.exists(*old, OLD_KEYS.generations)


async def test_a_worker_of_the_old_group_that_comes_back_runs_nothing(backend: RedisBackend) -> None:
    """It would run the whole stream again: a deploy is in progress, or was rolled back."""
    await left_by_the_old_group(backend)
    handler, old = Handling(), Handling()
    async with consuming(storage(backend), dispatcher_of(named(handler, "note")).process_message, group=NEW):
        await eventually(lambda: _is_at_rest(backend))
    with pytest.raises(SetupError, match="notifications of bot_events has replaced mailer"):
        async with consuming(
            storage(backend, None), dispatcher_of(named(old, "note")).process_message, group=OLD
        ):
            pass
    assert [group["name"] for group in await backend.client.xinfo_groups(STREAM)] == [NEW.encode()]


async def test_a_worker_that_was_frozen_while_its_group_was_taken_over_runs_nothing(
    backend: RedisBackend,
) -> None:
    """It counts as dead but is not: new entries are handled by the new group only."""
    handler, old = Handling(), Handling()
    async with consuming(
        storage(backend, None), dispatcher_of(named(old, "note")).process_message, group=OLD
    ):
        await backend.add(type="booked", n="1")
        await eventually(lambda: old.seen)
        await eventually(lambda: _is_at_rest(backend, OLD))
        await eventually(lambda: backend.client.hgetall(OLD_KEYS.workers))
        await backend.client.delete(OLD_KEYS.workers)
        async with consuming(
            storage(backend), dispatcher_of(named(handler, "note")).process_message, group=NEW
        ):
            await backend.add(type="booked", n="2")
            await eventually(lambda: handler.seen)
            await eventually(lambda: _is_at_rest(backend))
    assert (old.numbers(), handler.numbers()) == (["1"], ["2"])


async def test_a_renaming_can_be_taken_back(backend: RedisBackend) -> None:
    handler, back = Handling(), Handling()
    await left_by_the_old_group(backend)
    async with consuming(storage(backend), dispatcher_of(named(handler, "note")).process_message, group=NEW):
        await eventually(lambda: _is_at_rest(backend))
    async with consuming(
        storage(backend, NEW), dispatcher_of(named(back, "note")).process_message, group=OLD
    ):
        await backend.add(type="booked", n="later")
        await eventually(lambda: back.seen)
    assert back.numbers() == ["later"]
    assert [group["name"] for group in await backend.client.xinfo_groups(STREAM)] == [OLD.encode()]


async def test_a_takeover_waits_for_the_workers_of_the_old_group(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise both groups would handle new entries. The worker starts anyway: a deploy waits for that."""
    old, new = Handling(), Handling()
    async with consuming(
        storage(backend, None), dispatcher_of(named(old, "note")).process_message, group=OLD
    ):
        await eventually(lambda: backend.client.hgetall(OLD_KEYS.workers))
        async with consuming(storage(backend), dispatcher_of(named(new, "note")).process_message, group=NEW):
            for n in range(5):
                await backend.add(type="booked", n=str(n))
            await eventually(lambda: len(old.seen) == 5)
            assert "when its workers have ended: 1 are alive" in caplog.text
            assert new.seen == []
            assert "retrying" not in caplog.text
    async with consuming(storage(backend), dispatcher_of(named(new, "note")).process_message, group=NEW):
        await backend.add(type="booked", n="later")
        await eventually(lambda: new.numbers() == ["later"])
        await eventually(lambda: _is_at_rest(backend))
    assert "heartbeats" not in caplog.text


async def test_while_a_takeover_waits_nothing_is_cleaned_or_promoted(backend: RedisBackend) -> None:
    """The group does not exist yet, which is not a failure."""
    client = backend.client
    await client.xgroup_create(STREAM, OLD, id="0", mkstream=True)
    seconds, _ = await client.time()
    await client.hset(OLD_KEYS.workers, "alive", f"{seconds * 1000 + 60_000} 60000 ")
    await client.hset(NEW_KEYS.delayed, "1", "a retry")
    waiting = storage(backend)
    await waiting.create_group(STREAM, NEW)
    assert await waiting.clean_up(STREAM, NEW, "me") == 1
    assert await waiting.promote_due(STREAM, NEW) == 1
    assert await client.hlen(NEW_KEYS.delayed) == 1
    await client.delete(OLD_KEYS.workers, NEW_KEYS.delayed)

    async def is_ready() -> bool:
        await waiting.read_events(STREAM, NEW, "me", 1)
        return bool(await client.exists(NEW_KEYS.retry))

    await eventually(is_ready)
    assert await waiting.clean_up(STREAM, NEW, "me") == 60
    assert await waiting.promote_due(STREAM, NEW) is None


async def test_dying_workers_are_waited_for_until_they_count_as_dead(
    backend: RedisBackend,
) -> None:
    client = backend.client
    await client.xgroup_create(STREAM, OLD, id="0", mkstream=True)
    await backend.add(type="booked", n="1")
    seconds, _ = await client.time()
    await client.hset(OLD_KEYS.workers, "dead", f"{seconds * 1000 + 1500} 750 ")
    handler = Handling()
    async with consuming(storage(backend), dispatcher_of(handler).process_message, group=NEW):
        await eventually(lambda: handler.numbers() == ["1"])


async def test_more_than_one_step_moves_is_moved(backend: RedisBackend) -> None:
    client = backend.client
    await client.xgroup_create(STREAM, OLD, id="0", mkstream=True)
    for n in range(1200):
        await backend.add(type="booked", n=str(n))
    await client.xreadgroup(OLD, "gone", {STREAM: ">"}, count=1200)
    for n in range(700):
        await client.xadd(OLD_KEYS.dead, {"n": n, "pad": "x" * 50})
    taking = storage(backend)
    await taking.create_group(STREAM, NEW)
    assert (await client.xpending(STREAM, NEW))["pending"] == 1200
    assert [fields[b"n"] for _, fields in await client.xrange(NEW_KEYS.dead)] == [
        str(n).encode() for n in range(700)
    ]
    rows = await client.xpending_range(STREAM, NEW, "-", "+", 2000)
    assert {(row["consumer"], row["times_delivered"]) for row in rows} == {(b"streamroute:released", 1)}


async def test_many_workers_may_take_over_at_once(backend: RedisBackend) -> None:
    client = backend.client
    await client.xgroup_create(STREAM, OLD, id="0", mkstream=True)
    for n in range(900):
        await backend.add(type="booked", n=str(n))
    await client.xreadgroup(OLD, "gone", {STREAM: ">"}, count=800)
    await asyncio.gather(*(storage(backend).create_group(STREAM, NEW) for _ in range(8)))
    assert (await client.xpending(STREAM, NEW))["pending"] == 800
    assert [group["name"] for group in await client.xinfo_groups(STREAM)] == [NEW.encode()]


async def test_a_takeover_runs_once_and_costs_nothing_afterwards(backend: RedisBackend) -> None:
    taking = storage(backend)
    await taking.create_group(STREAM, NEW)
    await backend.client.xgroup_create(STREAM, OLD, id="0")
    await taking.create_group(STREAM, NEW)
    assert len(await backend.client.xinfo_groups(STREAM)) == 2


async def test_an_interrupted_takeover_is_completed(backend: RedisBackend) -> None:
    """The old group is already deleted, but not its retries."""
    client = backend.client
    taking = storage(backend)
    await left_by_the_old_group(backend)
    await client.xgroup_destroy(STREAM, OLD)
    await taking.create_group(STREAM, NEW)
    moved = await client.hlen(NEW_KEYS.delayed) + await client.xlen(NEW_KEYS.retry)
    assert (moved, await client.exists(OLD_KEYS.delayed, OLD_KEYS.retry)) == (1, 0)


async def test_a_group_that_was_there_before_takes_no_place(backend: RedisBackend) -> None:
    """It has handled the whole stream, or will: with the other group's entries, some would run twice."""
    for group in (OLD, NEW):
        await backend.client.xgroup_create(STREAM, group, id="0", mkstream=True)
    with pytest.raises(SetupError, match=f"the group {NEW} of {STREAM} was there before.*XGROUP DESTROY"):
        await storage(backend).create_group(STREAM, NEW)


async def test_an_abandoned_group_is_found(backend: RedisBackend) -> None:
    await left_by_the_old_group(backend)
    redis = connection_of(backend.client)
    [found] = await OtherGroups(redis, STREAM, NEW, {"note"}).abandoned()
    assert (found.name, found.pending, found.retries) == (OLD, 1, 1)
    assert found.unread in (1, None)
    assert await OtherGroups(redis, STREAM, OLD, {"note"}).abandoned() == []
    assert await OtherGroups(redis, STREAM, NEW, {"another"}).abandoned() == []
    assert await OtherGroups(redis, "nowhere", NEW, {"note"}).abandoned() == []


async def test_a_group_with_a_worker_or_without_a_backlog_is_not_abandoned(backend: RedisBackend) -> None:
    redis, handler = connection_of(backend.client), Handling(then=failing(Retry(delay=600)))
    async with consuming(
        storage(backend, None), dispatcher_of(named(handler, "note")).process_message, group=OLD
    ):
        await backend.add(type="booked")
        await eventually(lambda: handler.seen)
        await eventually(lambda: backend.client.hgetall(OLD_KEYS.routes))
        assert await OtherGroups(redis, STREAM, NEW, {"note"}).abandoned() == []
    [left] = await OtherGroups(redis, STREAM, NEW, {"note"}).abandoned()
    assert left == AbandonedGroup(OLD, left.unread, 0, 1)
    await backend.client.delete(OLD_KEYS.delayed)
    assert await OtherGroups(redis, STREAM, NEW, {"note"}).abandoned() == []


async def left_behind(backend: RedisBackend) -> AbandonedGroup | None:
    """Return the report on the old group, which knew the route ``note``."""
    found = await OtherGroups(connection_of(backend.client), STREAM, NEW, {"note"}).abandoned()
    return found[0] if found else None


async def test_each_kind_of_backlog_makes_a_group_abandoned(backend: RedisBackend) -> None:
    client = backend.client
    knows_lag = not (await client.info("server"))["redis_version"].startswith("6.")
    await client.xgroup_create(STREAM, OLD, id="0", mkstream=True)
    assert await left_behind(backend) is None
    known = KnownRoutes(frozenset({"note", "other"}), frozenset())
    await client.hset(OLD_KEYS.routes, "digest", pack_known_routes(known))
    assert await left_behind(backend) is None
    for count in (1, 2):
        await client.hset(OLD_KEYS.delayed, f"{count}", "a retry")
        assert await left_behind(backend) == AbandonedGroup(OLD, 0 if knows_lag else None, 0, count)
    await client.xadd(OLD_KEYS.retry, {"name": "3", "entry": ""})
    assert await left_behind(backend) == AbandonedGroup(OLD, 0 if knows_lag else None, 0, 3)
    await client.delete(OLD_KEYS.delayed, OLD_KEYS.retry)
    for _ in range(2):
        await backend.add(type="booked")
    assert await left_behind(backend) == (AbandonedGroup(OLD, 2, 0, 0) if knows_lag else None)
    await client.xreadgroup(OLD, "gone", {STREAM: ">"})
    assert await left_behind(backend) == AbandonedGroup(OLD, 0 if knows_lag else None, 2, 0)
    assert await OtherGroups(connection_of(client), STREAM, NEW, {"another"}).abandoned() == []
    assert await OtherGroups(connection_of(client), STREAM, OLD, {"note"}).abandoned() == []
    assert await OtherGroups(connection_of(client), "no such stream", NEW, {"note"}).abandoned() == []


async def test_a_key_of_the_wrong_type_is_no_reason_to_pass_a_group_over(backend: RedisBackend) -> None:
    await backend.client.xgroup_create(STREAM, OLD, id="0", mkstream=True)
    known = KnownRoutes(frozenset({"note"}), frozenset())
    await backend.client.hset(OLD_KEYS.routes, "digest", pack_known_routes(known))
    await backend.client.set(OLD_KEYS.workers, "a string")
    with pytest.raises(SetupError, match="WRONGTYPE"):
        await left_behind(backend)


async def test_existing_groups_are_reported_by_name_only(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await left_by_the_old_group(backend)
    await storage(backend).create_group(STREAM, NEW)
    assert f"the group {NEW} of {STREAM} has replaced {OLD}, with 3 entries" in caplog.text


async def _is_at_rest(backend: RedisBackend, group: str = NEW) -> bool:
    """Checked in one step, because entries move between places."""
    keys = GroupKeys.of(STREAM, group)
    arguments = [group, "9" * 19]
    names = [keys.stream, keys.retry, keys.delayed]
    return not await script("groups/has_backlog").run(raw_client(backend.client, STREAM), names, arguments)


async def test_awaited_workers_are_polled_each_second_and_reported_once(
    backend: RedisBackend, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [0.0]
    monkeypatch.setattr(group_takeover, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    client = backend.client
    await client.xgroup_create(STREAM, OLD, id="0", mkstream=True)
    seconds, _ = await client.time()
    await client.hset(OLD_KEYS.workers, "alive", f"{seconds * 1000 + 60_000} 5 ")
    takeover = GroupTakeover(raw_client(client, STREAM), OLD_KEYS, NEW_KEYS, (OLD, NEW))
    await client.config_resetstat()
    for _ in range(5):
        assert not await takeover.advance()
    assert await _steps(client) == 1
    clock[0] = 1.0
    assert not await takeover.advance()
    assert caplog.text.count("when its workers have ended: 1 are alive") == 1
    await client.delete(OLD_KEYS.workers)
    assert not await takeover.advance()
    clock[0] = 2.0
    for _ in range(2):
        assert await takeover.advance()
    assert await _steps(client) == 4  # what is parked is moved by a script of its own
    assert caplog.text.count(f"has replaced {OLD}, with 0 entries") == 1


async def test_a_takeover_without_leftovers_logs_nothing(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    takeover = GroupTakeover(raw_client(backend.client, STREAM), OLD_KEYS, NEW_KEYS, (OLD, NEW))
    assert await takeover.advance()
    assert caplog.messages == []


async def _steps(client: Any) -> int:
    """Return how often the script ran; a server that does not know it is sent its text first."""
    stats = await client.info("commandstats")
    calls = [stats.get(f"cmdstat_{name}", {}) for name in ("eval", "evalsha")]
    return sum(int(one.get("calls", 0)) - int(one.get("failed_calls", 0)) for one in calls)


async def test_workers_of_the_old_group_are_polled_each_second_and_reported_once(
    backend: RedisBackend, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [0.0]
    monkeypatch.setattr(group_takeover, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    takeover = await _takeover(backend, alive=True)
    looks = []
    for clock[0] in (0.0, 0.999, 1.0, 1.001, 1.999, 2.0):
        before = await _looks(backend)
        assert not await takeover.advance()
        looks.append(await _looks(backend) - before)
    assert looks == [1, 0, 1, 0, 0, 1]
    assert caplog.text.count("will replace") == 1
    await backend.client.delete(OLD_KEYS.workers)
    clock[0] = 3.0
    assert await takeover.advance()
    assert takeover.is_done
    assert "has replaced mailer, with 0 entries" in caplog.text
    before = await _looks(backend)
    assert await takeover.advance()
    assert await _looks(backend) == before


async def test_an_empty_group_is_taken_over_without_a_log_line(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    assert await (await _takeover(backend)).advance()
    assert caplog.text == ""


async def test_taken_over_entries_are_counted(
    backend: RedisBackend, caplog: pytest.LogCaptureFixture
) -> None:
    takeover = await _takeover(backend)
    for _ in range(1001):
        await backend.client.xadd(STREAM, {"type": "booked"})
    await backend.client.xreadgroup(OLD, "gone", {STREAM: ">"}, count=1001)
    before = await _looks(backend)
    assert await takeover.advance()
    assert "has replaced mailer, with 1001 entries" in caplog.text
    assert (await backend.client.xpending(STREAM, NEW))["pending"] == 1001
    assert await _looks(backend) - before < 10  # in steps of several hundred


async def _takeover(backend: RedisBackend, *, alive: bool = False) -> GroupTakeover:
    """Return the takeover of an old group, with or without a live worker."""
    await backend.client.xgroup_create(STREAM, OLD, id="0", mkstream=True)
    if alive:
        seconds, _ = await backend.client.time()
        await backend.client.hset(OLD_KEYS.workers, "old one", f"{seconds * 1000 + 60_000} 60000 ")
    return GroupTakeover(raw_client(backend.client, STREAM), OLD_KEYS, NEW_KEYS, (OLD, NEW))


async def _looks(backend: RedisBackend) -> int:
    """Return how often a script has run."""
    stats = await backend.client.info("commandstats")
    by_name = [stats.get(f"cmdstat_{name}", {}) for name in ("eval", "evalsha")]
    return int(sum(calls.get("calls", 0) - calls.get("failed_calls", 0) for calls in by_name))


async def test_pauses_and_parked_messages_are_taken_over(backend: RedisBackend) -> None:
    store = PauseStore(connection_of(backend.client), OLD_KEYS)
    await store.pause("note", "the bank is down", "ann")
    old = dispatcher_of(named(Handling(), "note"))
    async with consuming(storage(backend, None), old.process_message, group=OLD):
        for n in range(3):
            await backend.add(type="booked", n=str(n))
        await eventually(lambda: backend.client.zcard(PauseKeys.of(OLD_KEYS).parked), "messages to be parked")
        await eventually(lambda: _is_parked(store, 3))
    handler = Handling()
    store = PauseStore(connection_of(backend.client), NEW_KEYS)
    async with consuming(storage(backend), dispatcher_of(named(handler, "note")).process_message, group=NEW):
        await eventually(lambda: _is_parked(store, 3))
        assert (await store.read()).pauses["note"].reason == "the bank is down"
        assert handler.seen == []
        await store.resume("note")
        await eventually(lambda: len(handler.seen) == 3)
    assert handler.numbers() == ["0", "1", "2"]
    assert await backend.client.exists(*PauseKeys.of(OLD_KEYS)) == 0


async def _is_parked(store: PauseStore, count: int) -> bool:
    return (await store.read()).parked.get("note") == count


async def test_many_parked_messages_are_taken_over_in_steps(backend: RedisBackend) -> None:
    old, new = PauseKeys.of(OLD_KEYS), PauseKeys.of(NEW_KEYS)
    names = {f"a|{n}": "entry" for n in range(5)}
    await backend.client.zadd(old.parked, dict.fromkeys(names, 0))
    await backend.client.hset(old.parked_entries, mapping=names)
    await backend.client.hset(new.paused, "a", "newer")
    await backend.client.hset(old.paused, mapping={"a": "older", "b": "{}"})
    step = script("pauses/take_over")
    steps = [await step.run(backend.client, [*old, *new], [2, 10**9]) for _ in range(3)]
    assert steps == [[1, 2], [1, 2], [0, 1]]
    assert await backend.client.hgetall(new.paused) == {b"a": b"newer", b"b": b"{}"}
    assert await backend.client.hlen(new.parked_entries) == await backend.client.zcard(new.parked) == 5
    assert await backend.client.exists(*old) == 0
