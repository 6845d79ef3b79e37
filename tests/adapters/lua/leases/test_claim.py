"""The claim script: which entries it takes, how many, and where the next call continues."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from redis.asyncio import Redis

from backends import KEYS
from consuming import GROUP, STREAM
from scripted import ME, OTHER, Pending, Scripted
from streamroute.keys import RELEASED

LEASE = 1_000
LONG_AGO = 50_000
"""Idle time in ms of an entry whose lease has ended."""
ROOM = 10**9


class Reply(NamedTuple):
    """The script's reply."""

    now: int
    claimed: list[tuple[int, str, int, list[str]]]
    deleted: list[tuple[int, str]]
    held_back: int
    last_deliveries: int
    cursors: list[str]
    holders: list[str]

    @property
    def ids(self) -> list[str]:
        """The claimed ids."""
        return [entry_id for _, entry_id, *_ in self.claimed]


class Claiming(Scripted):
    """A group with a retry stream; the script is called as the storage calls it."""

    async def claim(
        self,
        *,
        idle: int = LEASE,
        count: int = 100,
        sweep: int = 100,
        budget: int = ROOM,
        last: int = 0,
        quotas: str = "",
        cursors: tuple[str, str] = ("-", "-"),
    ) -> Reply:
        """Claim as ``me``, in the retry stream and then in the stream."""
        keys = [KEYS.workers, KEYS.retry, STREAM]
        now, claimed, deleted, *rest = await self.run(
            "leases/claim", keys, GROUP, ME, idle, count, RELEASED, sweep, budget, last, quotas, *cursors
        )
        rows = [(number, entry_id, deliveries, fields) for number, entry_id, deliveries, fields in claimed]
        return Reply(now, rows, [(number, entry_id) for number, entry_id in deleted], *rest)

    async def held(self, *ids: str, idle: int = LONG_AGO, consumer: str = OTHER, **where: Any) -> None:
        """Add entries and have a live consumer hold them since their first delivery."""
        for entry_id in ids:
            await self.add(entry_id, stream=where.get("stream", STREAM))
            await self.hold(entry_id, consumer, where.get("deliveries", 1), idle, **_stream(where))


def _stream(where: dict[str, Any]) -> dict[str, str]:
    return {"stream": where["stream"]} if "stream" in where else {}


@pytest.fixture
async def group(redis_client: Redis) -> Claiming:
    made = Claiming(redis_client)
    await made.create_group(STREAM, KEYS.retry)
    return made


class TestLeases:
    """Which entries may be claimed."""

    async def test_an_entry_is_taken_when_its_lease_has_ended(self, group: Claiming) -> None:
        await group.held("1-0", idle=LONG_AGO)
        await group.held("2-0", idle=0)
        await group.held("3-0", idle=LONG_AGO, deliveries=4)
        before = await group.now()
        reply = await group.claim(idle=10_000)
        assert before <= reply.now <= await group.now()
        assert reply.claimed == [(2, "1-0", 2, ["n", "1-0"]), (2, "3-0", 5, ["n", "3-0"])]
        assert (reply.deleted, reply.held_back, reply.last_deliveries) == ([], 0, 0)
        assert await group.pending() == [
            Pending("1-0", ME, 2),
            Pending("2-0", OTHER, 1),
            Pending("3-0", ME, 5),
        ]
        assert await group.idle("1-0") < 10_000

    async def test_a_lease_that_is_longer_is_in_force_while_its_worker_is_alive(
        self, group: Claiming
    ) -> None:
        await group.held("1-0", idle=LONG_AGO)
        alive = await group.now() + 60_000
        await group.client.hset(KEYS.workers, "long", f"{alive} 60000 d")
        await group.client.hset(KEYS.workers, "short", f"{alive} 1 d")
        assert (await group.claim()).ids == []
        assert set(await group.hash(KEYS.workers)) == {"long", "short"}
        await group.client.hset(KEYS.workers, "long", f"{alive} 49000 d")
        assert (await group.claim()).ids == ["1-0"]

    async def test_a_shorter_lease_of_another_worker_ends_nothing_sooner(self, group: Claiming) -> None:
        await group.held("1-0", idle=500)
        await group.client.hset(KEYS.workers, "short", f"{await group.now() + 60_000} 1 d")
        assert (await group.claim(idle=30_000)).ids == []

    async def test_workers_that_are_gone_are_forgotten_with_their_leases(self, group: Claiming) -> None:
        await group.held("1-0", idle=LONG_AGO)
        now = await group.now()
        workers = {"gone": f"{now - 1} 60000 d", "broken": "not readable", "alive": f"{now + 60_000} 5 d"}
        await group.client.hset(KEYS.workers, mapping=workers)
        assert (await group.claim()).ids == ["1-0"]
        assert set(await group.hash(KEYS.workers)) == {"alive"}

    @pytest.mark.parametrize("written", ["99999999999999 999999999999 abc", "99999999999999 60000 abc"])
    async def test_a_note_that_no_worker_can_have_written_blocks_nothing(
        self, group: Claiming, written: str
    ) -> None:
        await group.held("1-0", idle=LONG_AGO)
        await group.client.hset(KEYS.workers, "ghost", written)
        assert (await group.claim()).ids == ["1-0"]
        assert await group.hash(KEYS.workers) == {}

    async def test_a_lease_is_believed_up_to_a_month(self, group: Claiming) -> None:
        await group.held("1-0", idle=LONG_AGO)
        month, soon = 30 * 86_400_000, await group.now() + 60_000
        await group.client.hset(KEYS.workers, "ghost", f"{soon} {month} ")
        assert (await group.claim()).ids == []
        await group.client.hset(KEYS.workers, "ghost", f"{soon} {month + 1} ")
        assert (await group.claim()).ids == ["1-0"]

    async def test_released_entries_are_claimed_at_once_at_any_position(self, group: Claiming) -> None:
        """Even if a sweep would reach it much later."""
        await group.held("1-0", "2-0", "3-0", idle=0)
        await group.held("4-0", idle=0, consumer=RELEASED, deliveries=0)
        reply = await group.claim(sweep=2)
        assert reply.claimed == [(2, "4-0", 1, ["n", "4-0"])]

    async def test_entries_of_a_silent_consumer_are_claimed_at_any_position(self, group: Claiming) -> None:
        await group.add("1-0", "2-0", "3-0")
        await group.read(OTHER)
        await group.held("4-0", consumer="silent")
        await group.gone_quiet("silent", 30)
        await group.hold("1-0", OTHER, 1, 0)  # it is alive
        assert (await group.claim(idle=30, sweep=1)).ids[-1:] == ["4-0"]

    async def test_a_silent_consumer_that_renews_its_entry_keeps_it(self, group: Claiming) -> None:
        await group.held("1-0", idle=0, consumer="silent")
        await group.gone_quiet("silent", 30)
        await group.hold("1-0", "silent", 1, 0)
        assert (await group.claim(idle=20_000)).ids == []

    async def test_deleted_pending_entries_are_reported_and_removed(self, group: Claiming) -> None:
        await group.held("1-0", "2-0")
        await group.held("1-0", stream=KEYS.retry)
        await group.client.xdel(STREAM, "1-0")
        await group.client.xdel(KEYS.retry, "1-0")
        reply = await group.claim()
        assert (reply.ids, reply.deleted) == (["2-0"], [(1, "1-0"), (2, "1-0")])
        assert await group.pending() == [Pending("2-0", ME, 2)]
        assert await group.pending(KEYS.retry) == []


class TestCounts:
    """How many entries are claimed."""

    @pytest.mark.parametrize("count", [1, 2, 5])
    async def test_a_sweep_claims_up_to_its_count(self, group: Claiming, count: int) -> None:
        await group.held(*(f"{n}-0" for n in range(1, 5)))
        reply = await group.claim(count=count)
        assert reply.ids == [f"{n}-0" for n in range(1, min(count, 4) + 1)]

    async def test_a_claim_takes_the_full_count_from_a_missing_consumer(self, group: Claiming) -> None:
        await group.held("1-0", "2-0", "3-0", consumer=RELEASED, idle=0)
        assert (await group.claim(count=2)).ids == ["1-0", "2-0"]

    async def test_a_claim_takes_the_full_count_across_consumers_and_streams(self, group: Claiming) -> None:
        await group.held("1-0", stream=KEYS.retry, consumer=RELEASED)
        await group.held("2-0", stream=KEYS.retry)
        await group.held("3-0", consumer=RELEASED)
        await group.held("4-0")
        assert (await group.claim(count=3)).ids == ["1-0", "2-0", "3-0"]
        assert (await group.claim(count=3)).ids == ["4-0"]

    async def test_retries_are_claimed_before_entries_and_ids_may_be_equal(self, group: Claiming) -> None:
        await group.held("1-0", "2-0")
        await group.held("2-0", stream=KEYS.retry)
        reply = await group.claim()
        assert [row[:3] for row in reply.claimed] == [(1, "2-0", 2), (2, "1-0", 2), (2, "2-0", 2)]

    async def test_no_entry_is_found_twice(self, group: Claiming) -> None:
        await group.held("1-0", consumer=RELEASED, idle=LONG_AGO)
        assert (await group.claim()).ids == ["1-0"]
        await group.held("2-0", consumer=RELEASED, idle=LONG_AGO)
        assert (await group.claim(quotas="2:0")).held_back == 1


class TestBudget:
    """How many bytes are returned."""

    async def test_a_claim_ends_with_the_entry_that_fills_it(self, group: Claiming) -> None:
        """Each entry has four bytes: a name and a value."""
        await group.held("1-0", "2-0", "3-0", "4-0")
        assert (await group.claim(budget=9)).ids == ["1-0", "2-0", "3-0"]
        assert (await group.pending())[3] == Pending("4-0", OTHER, 1)
        assert (await group.claim(budget=4)).ids == ["4-0"]

    async def test_a_claim_that_is_just_full_takes_no_more(self, group: Claiming) -> None:
        await group.held("1-0", "2-0", "3-0")
        assert (await group.claim(budget=8)).ids == ["1-0", "2-0"]

    async def test_entries_left_behind_the_sweep_are_found_by_the_next_one(self, group: Claiming) -> None:
        """The sweep was past it, with many pending entries after it."""
        await group.held("1-0", "2-0", "3-0", "4-0", "5-0", "6-0")
        first = await group.claim(budget=1, sweep=3)
        assert (first.ids, first.cursors) == (["1-0"], ["-", "-"])
        second = await group.claim(budget=1, sweep=3, cursors=("-", "1-0"))
        assert (second.ids, second.cursors) == (["2-0"], ["-", "-"])

    async def test_the_cursor_of_a_stream_that_is_done_stays(self, group: Claiming) -> None:
        await group.held("1-0", "2-0", stream=KEYS.retry)
        await group.held("1-0", "2-0", "3-0")
        reply = await group.claim(budget=9, sweep=2)
        assert ([row[:2] for row in reply.claimed], reply.cursors) == (
            [(1, "1-0"), (1, "2-0"), (2, "1-0")],
            ["2-0", "-"],
        )


class TestCursors:
    """Where a sweep continues."""

    async def test_a_sweep_continues_after_the_last_entry_and_restarts(self, group: Claiming) -> None:
        await group.held("1-0", "2-0", "3-0", "4-0", idle=0)
        await group.held("5-0")
        reply, found = await group.claim(sweep=2), list[list[str]]()
        for _ in range(3):
            found.append([reply.cursors[1], *reply.ids])
            reply = await group.claim(sweep=2, cursors=("-", reply.cursors[1]))
        assert found == [["2-0"], ["4-0"], ["-", "5-0"]]

    async def test_each_stream_has_a_separate_cursor(self, group: Claiming) -> None:
        await group.held("1-0", "2-0", "3-0", idle=0, stream=KEYS.retry)
        await group.held("7-0", "8-0", "9-0", idle=0)
        first = await group.claim(sweep=2)
        assert first.cursors == ["2-0", "8-0"]
        assert (await group.claim(sweep=1, cursors=("1-0", "8-0"))).cursors == ["2-0", "9-0"]

    async def test_a_sweep_that_had_no_turn_keeps_its_cursor(self, group: Claiming) -> None:
        await group.held("1-0", consumer=RELEASED)
        await group.held("2-0")
        assert (await group.claim(count=1, cursors=("5-0", "1-0"))).cursors == ["-", "1-0"]


class TestQuotas:
    """How many entries of each delivery count are claimed."""

    async def test_each_delivery_number_is_claimed_up_to_its_quota(self, group: Claiming) -> None:
        await group.held("1-0", "2-0", "3-0", deliveries=1)
        await group.held("4-0", "5-0", deliveries=2)
        await group.held("6-0", deliveries=3)
        reply = await group.claim(last=4, quotas="2:2 3:0 4:0")
        assert (reply.ids, reply.held_back, reply.last_deliveries) == (["1-0", "2-0"], 4, 1)
        assert {row.deliveries for row in await group.pending() if row.consumer == OTHER} == {1, 2, 3}

    async def test_deliveries_without_a_quota_have_none(self, group: Claiming) -> None:
        await group.held("1-0", "2-0", deliveries=7)
        reply = await group.claim(last=9, quotas="9:0")
        assert (reply.ids, reply.held_back, reply.last_deliveries) == (["1-0", "2-0"], 0, 0)

    async def test_the_delivery_count_stops_one_above_the_last_delivery(self, group: Claiming) -> None:
        """It only waits for its dead letter, and workers may die before that is written."""
        await group.held("1-0", deliveries=3)
        await group.held("2-0", deliveries=4)
        await group.held("3-0", deliveries=5)
        reply = await group.claim(last=4, quotas="4:1 *:9")
        assert [(entry_id, delivery) for _, entry_id, delivery, _ in reply.claimed] == [
            *(("1-0", 4), ("2-0", 5), ("3-0", 5))
        ]
        assert [row.deliveries for row in await group.pending()] == [4, 5, 5]

    async def test_all_other_delivery_numbers_share_one_quota(self, group: Claiming) -> None:
        await group.held("1-0", deliveries=1)
        await group.held("2-0", deliveries=2)
        await group.held("3-0", deliveries=3)
        reply = await group.claim(last=4, quotas="4:5 *:1")
        assert (reply.ids, reply.held_back) == (["1-0", "3-0"], 1)

    async def test_a_quota_is_for_both_streams_together(self, group: Claiming) -> None:
        await group.held("1-0", stream=KEYS.retry)
        await group.held("2-0")
        reply = await group.claim(quotas="2:1")
        assert (reply.ids, reply.held_back) == (["1-0"], 1)

    async def test_entries_over_their_quota_do_not_displace_others(self, group: Claiming) -> None:
        await group.held("1-0", "2-0", deliveries=2)
        await group.held("3-0", "4-0", deliveries=1)
        assert (await group.claim(count=2, quotas="3:0")).ids == ["3-0", "4-0"]
