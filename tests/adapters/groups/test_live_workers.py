"""A group's live workers and what they know, and how long a retry of an unknown route waits."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis

from backends import KEYS
from consuming import GROUP, STREAM, eventually
from messages import message_of
from scripted import Scripted
from streamroute.adapters.groups import live_workers as group_workers
from streamroute.adapters.groups.live_workers import (
    GroupView,
    GroupWorkers,
    digest_of,
    live_workers,
    pack_known_routes,
    unpack_known_routes,
)
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.stream.coordinator import (
    MAX_WAIT_LEASES,
    RETRY_ELSEWHERE,
    RedisCoordinator,
    route_wait,
)
from streamroute.errors import SetupError
from streamroute.keys import GroupKeys
from streamroute.message import Message
from streamroute.values import DedupeDecision, DedupeLock, KnownRoutes, Lease, RouteWait

LEASE = Lease.of(60)

BOTH = KnownRoutes(frozenset({"thank", "bill"}), frozenset({"booked"}))


def test_a_repertoire_is_read_as_it_was_written() -> None:
    assert unpack_known_routes(pack_known_routes(BOTH)) == BOTH
    assert pack_known_routes(BOTH) == b'{"routes": ["bill", "thank"], "types": ["booked"]}'


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"[]", b"{}", b'{"routes": ["a"]}', b'{"routes": 1, "types": 2}']
)
def test_unreadable_routes_of_a_worker_are_unknown(value: Any) -> None:
    assert unpack_known_routes(value) == KnownRoutes()


def test_a_digest_identifies_the_known_routes() -> None:
    same = KnownRoutes(frozenset({"bill", "thank"}), frozenset({"booked"}))
    assert digest_of(BOTH) == digest_of(same) != digest_of(BOTH._replace(types=frozenset()))
    assert digest_of(KnownRoutes(types=frozenset({"booked"}))) == ""


def test_a_worker_is_alive_until_its_time_is_over() -> None:
    workers = {
        "alive": b"1001 60000 d1",
        "month": b"1001 2592000000 ",
        "farthest": b"61020 5 ",
        "too far": b"61021 5 d1",
        "too long": b"1001 2592000001 d1",
        "absurd": b"99999999999999 999999999999 abc",
        "endless": b"9" * 5_000 + b" 5 d1",
        "nameless": b"1001 5 ",
        "just gone": b"1000 60000 d1",
        "long gone": b"9 60000 d1",
        "longer": b"1001 5 d e",
        "short": b"1001 5",
        "words": b"soon 5 d",
        "signs": b"1001 -5 d",
        "empty": b"",
    }
    assert live_workers(workers, 1000) == {
        "alive": (60_000, "d1"),
        "month": (2_592_000_000, ""),
        "farthest": (5, ""),
        "nameless": (5, ""),
    }


class TestView:
    """What is known of a group."""

    @pytest.fixture
    def group(self, redis_client: Redis) -> Scripted:
        return Scripted(redis_client)

    async def note(self, group: Scripted, name: str, known: KnownRoutes | None, lease: int = 5) -> None:
        """Register a worker that counts as alive for a minute."""
        digest = "" if known is None else digest_of(known)
        await group.client.hset(KEYS.workers, name, f"{await group.now() + 60_000} {lease} {digest}")
        if known is not None:
            await group.client.hset(KEYS.routes, digest, pack_known_routes(known))

    def workers(self, group: Scripted) -> GroupWorkers:
        return GroupWorkers(raw_client(group.client, STREAM), KEYS)

    async def test_the_answer_combines_all_live_workers(self, group: Scripted) -> None:
        await self.note(group, "one", BOTH, 7)
        await self.note(group, "two", KnownRoutes(frozenset({"note"}), frozenset({"paid"})), 9)
        await self.note(group, "three", None, 11)
        gone = KnownRoutes(frozenset({"gone"}), frozenset({"left"}))
        await self.note(group, "gone", gone)
        await group.client.hset(KEYS.workers, "gone", f"{await group.now() - 1} 5 {digest_of(gone)}")
        await group.client.hset(KEYS.workers, "unknown", f"{await group.now() + 60_000} 13 no-such-digest")
        before = await group.now()
        view = await self.workers(group).view()
        assert before <= view.time <= await group.now()
        assert view.routes == {"thank", "bill", "note"}
        assert view.types == {"booked", "paid"}
        assert view.former_types == {"left"}
        assert view.leases == {"one": 7, "two": 9, "three": 11, "unknown": 13}

    async def test_nothing_is_known_about_an_empty_group(self, group: Scripted) -> None:
        view = await self.workers(group).view()
        assert (view.routes, view.types, view.leases) == (frozenset(), frozenset(), {})

    async def test_the_answer_is_fetched_once_a_second_for_all_callers(self, group: Scripted) -> None:
        workers = self.workers(group)
        await group.client.config_resetstat()
        views = await asyncio.gather(*(workers.view() for _ in range(20)))
        assert all(view is views[0] for view in views)
        stats = await group.client.info("commandstats")
        assert stats["cmdstat_hgetall"]["calls"] == 2  # the workers, and what they know

    async def test_an_old_answer_is_fetched_again(self, group: Scripted) -> None:
        workers = GroupWorkers(raw_client(group.client, STREAM), KEYS, cached_for=0.01)
        assert (await workers.view()).routes == frozenset()
        await self.note(group, "one", BOTH)

        async def is_seen() -> bool:
            return (await workers.view()).routes == BOTH.routes

        await eventually(is_seen)

    async def test_the_listed_types_are_known_while_the_answer_is_new(self, group: Scripted) -> None:
        workers = self.workers(group)
        assert workers.listed_types() is None
        await self.note(group, "one", BOTH)
        await workers.view()
        assert workers.listed_types() == frozenset({"booked"})
        old = GroupWorkers(raw_client(group.client, STREAM), KEYS, cached_for=0.0)
        await old.view()
        assert old.listed_types() is None

    async def test_a_server_that_refuses_is_an_error(self, group: Scripted) -> None:
        await group.client.set(KEYS.workers, "a string")
        with pytest.raises(SetupError, match=f"the key {KEYS.workers} is a string, and .* a hash there"):
            await self.workers(group).view()

    async def test_a_key_of_dedupe_that_is_no_string_is_named(self, group: Scripted) -> None:
        """A key of the group whose place was taken counts as well."""
        await group.create_group()
        await group.add("1-0")
        await group.read()
        old = GroupKeys.of(STREAM, "mailer")
        client = raw_client(group.client, STREAM)
        coordinator = RedisCoordinator(client, KEYS, GROUP, "me", lease=LEASE, former=[old])
        message = message_of({}, id="1-0", stream=STREAM, entry_id="1-0", pending_key=STREAM, deliveries=1)
        for key in (old.dedupe("greet", "a"), KEYS.dedupe("thank", "a")):
            await group.client.hset(key, "a", "b")
            text = f"the key {key} is a hash, and streamroute needs a string there; rename or delete it"
            with pytest.raises(SetupError) as caught:
                await coordinator.begin(message, "thank", "a", 60, ["greet"])
            assert str(caught.value) == text

    async def test_a_message_asks_for_its_turn(self, group: Scripted) -> None:
        """A waiting message learns for how many seconds another one has held the key."""
        await group.create_group()
        await group.add("1-0", "2-0")
        await group.read()
        coordinator = RedisCoordinator(raw_client(group.client, STREAM), KEYS, GROUP, "me", lease=LEASE)
        first, second = (Message({}, id=name, stream=STREAM) for name in ("1-0", "2-0"))
        assert await coordinator.begin(first, "thank", "a", 2.5) == (DedupeDecision.RUN, 0)
        assert first.delivery.dedupe_locks == {"thank": DedupeLock([KEYS.dedupe("thank", "a")], 2.5)}
        since = await group.now() - 5_000
        await group.client.set(KEYS.dedupe("greet", "a"), f"running {since} 1-0 greet entry 1-0")
        decision, waited = await coordinator.begin(second, "bill", "a", 60, ["greet"])
        assert decision is DedupeDecision.WAIT
        assert 5 <= waited < 25
        assert second.delivery.dedupe_locks is None

    async def test_a_message_asks_for_its_route_and_for_its_type(self, group: Scripted) -> None:
        await self.note(group, "one", BOTH)
        coordinator = RedisCoordinator(raw_client(group.client, STREAM), KEYS, GROUP, "me", lease=LEASE)
        assert await coordinator.route_wait(Message({}), "thank") == RouteWait(RETRY_ELSEWHERE)
        before = await group.now() - 1_000
        wait = await coordinator.route_wait(Message({}), "gone")
        assert (wait.delay, wait.unknown_since >= before) == (1.0, True)
        assert await coordinator.type_wait(Message({}), "booked") == RouteWait(RETRY_ELSEWHERE)
        assert await coordinator.type_wait(Message({}), "paid") == RouteWait(None)

    async def test_a_type_that_a_worker_listed_is_waited_for_ten_leases(self, group: Scripted) -> None:
        await self.note(group, "one", BOTH)
        await group.client.delete(KEYS.workers)
        coordinator = RedisCoordinator(raw_client(group.client, STREAM), KEYS, GROUP, "me", lease=LEASE)
        before = await group.now()
        wait = await coordinator.type_wait(Message({}), "booked")
        assert (wait.delay, wait.unknown_since >= before - 1_000) == (1.0, True)
        over = message_of({}, unknown_since=before - 600_000)
        assert (await coordinator.type_wait(over, "booked")).delay is None


NOW = 1_000_000_000


@pytest.mark.parametrize(
    ("passed", "delay"),
    [(0, 1), (2, 1), (4, 1), (8, 2), (40, 10), (96, 4), (99, 1), (99.5, 0.5), (100, None), (101, None)],
)
def test_an_unknown_retry_waits_longer_each_time_up_to_ten_leases(passed: float, delay: float | None) -> None:
    since = NOW - int(passed * 1000)
    wait = route_wait(message_of({}, unknown_since=since), NOW, is_known=False, lease=Lease.of(10))
    assert wait == RouteWait(delay, since)
    assert MAX_WAIT_LEASES * 10 == 100


def test_a_retry_is_unknown_from_its_first_lookup_on() -> None:
    assert route_wait(Message({}), NOW, is_known=False, lease=Lease.of(10)) == RouteWait(1.0, NOW)


def test_a_retry_known_to_another_worker_is_soon_offered_again() -> None:
    late = message_of({}, unknown_since=NOW - 10**9)
    assert route_wait(late, NOW, is_known=True, lease=Lease.of(10)) == RouteWait(RETRY_ELSEWHERE, 0)


async def test_an_answer_is_believed_for_a_second(
    redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock that may start at 0."""
    group, clock = Scripted(redis_client), [0.0]
    monkeypatch.setattr(group_workers, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    workers = GroupWorkers(raw_client(group.client, STREAM), KEYS)
    seen: list[GroupView] = []
    for clock[0] in (0.0, 0.999, 1.0, 1.5, 1.999, 2.0):
        view = await workers.view()
        if not seen or view is not seen[-1]:
            seen.append(view)
            assert clock[0] in (0.0, 1.0, 2.0)
    assert len(seen) == 3
    assert min(view.time for view in seen) > 1_000_000_000_000
