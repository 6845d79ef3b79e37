"""The retry scripts: schedule, promote, reinject, restore due times, requeue a dead letter."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from backends import KEYS
from consuming import STREAM
from scripted import Scripted
from streamroute.adapters.entries.field_packing import pack_fields
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.stream.due_times import DueTimes
from streamroute.keys import ReinjectKeys

RETURNING = ReinjectKeys.of(STREAM)
ROOM = 10**9


@pytest.fixture
def group(redis_client: Redis) -> Scripted:
    return Scripted(redis_client)


class TestPromote:
    """Due entries move to the retry stream."""

    async def promote(
        self, group: Scripted, limit: int = 100, budget: int = ROOM
    ) -> tuple[int, list[str], int]:
        """Return the reply: ms until the next, the names without an entry, how many have no due time."""
        keys = [KEYS.due, KEYS.delayed, KEYS.retry]
        left, deleted, undue = await group.run("retries/promote_due", keys, limit, budget)
        return left, deleted, undue

    async def promoted(self, group: Scripted) -> list[str]:
        return [fields["name"] for fields in await group.entries(KEYS.retry)]

    async def test_only_due_retries_are_promoted(self, group: Scripted) -> None:
        await group.schedule(late=-5_000, later=60_000, due=-1)
        left, deleted, undue = await self.promote(group)
        assert 50_000 < left <= 60_000
        assert (deleted, undue) == ([], 0)
        moved = [{"name": name, "entry": f"entry {name}"} for name in ("late", "due")]
        assert await group.entries(KEYS.retry) == moved
        assert list(await group.due()) == list(await group.hash(KEYS.delayed)) == ["later"]

    async def test_without_delayed_retries_there_is_no_next_due_time(self, group: Scripted) -> None:
        assert await self.promote(group) == (-1, [], 0)
        await group.schedule(due=-1)
        assert await self.promote(group) == (-1, [], 0)

    async def test_one_step_moves_a_bounded_number(self, group: Scripted) -> None:
        await group.schedule(a=-4, b=-3, c=-2, later=60_000)
        assert await self.promote(group, limit=2) == (0, [], 0)
        assert await self.promoted(group) == ["a", "b"]
        assert (await self.promote(group, limit=2))[0] > 50_000
        assert await self.promoted(group) == ["a", "b", "c"]

    @pytest.mark.parametrize(("budget", "moved"), [(7, ["a"]), (8, ["a", "b"]), (14, ["a", "b"])])
    async def test_a_step_ends_with_the_entry_that_fills_it(
        self, group: Scripted, budget: int, moved: list[str]
    ) -> None:
        """Each entry has seven bytes."""
        await group.schedule(a=-4, b=-3, c=-2)
        assert await self.promote(group, budget=budget) == (0, [], 0)
        assert await self.promoted(group) == moved

    async def test_a_due_time_without_an_entry_is_reported_and_removed(self, group: Scripted) -> None:
        await group.schedule(a=-4, b=-3, later=60_000)
        await group.client.hdel(KEYS.delayed, "a")
        assert (await self.promote(group))[1:] == (["a"], 0)
        assert await self.promoted(group) == ["b"]
        assert list(await group.due()) == ["later"]

    async def test_retries_without_a_due_time_are_counted(self, group: Scripted) -> None:
        await group.schedule(a=60_000, b=60_000, c=60_000)
        await group.client.zrem(KEYS.due, "a", "b")
        assert (await self.promote(group))[2] == 2
        await group.client.delete(KEYS.due)
        assert await self.promote(group) == (-1, [], 3)

    async def test_a_due_time_of_years_ahead_counts_as_lost(self, group: Scripted) -> None:
        await group.schedule(a=60_000, year=365 * 86_400_000, b=60_000, c=60_000)
        await group.client.zadd(KEYS.due, {"b": "inf", "c": await group.now() + 367 * 86_400_000})
        await group.client.zadd(KEYS.due, {"no entry": "inf"})
        assert (await self.promote(group))[2] == 2
        assert sorted(await group.due()) == ["a", "b", "c", "year"]

    async def test_a_missing_entry_does_not_offset_a_missing_due_time(self, group: Scripted) -> None:
        await group.schedule(a=60_000)
        await group.client.delete(KEYS.delayed)
        assert (await self.promote(group))[1:] == ([], 0)


class TestBringBack:
    """Due entries return to their original stream."""

    async def wait(self, group: Scripted, **waits: int) -> None:
        now = await group.now()
        for name, wait in waits.items():
            await group.client.zadd(RETURNING.due, {name: now + wait})
            packed = pack_fields({b"n": name.encode(), b"large": b"x" * 300, b"": b""})
            await group.client.hset(RETURNING.delayed, name, packed)

    async def reinject_due(
        self, group: Scripted, limit: int = 100, max_bytes: int = 10_000
    ) -> tuple[int, int]:
        before = await group.client.xlen(STREAM)
        left, undue, added = await group.run(
            "retries/reinject_due", [RETURNING.due, RETURNING.delayed, STREAM], limit, max_bytes
        )
        assert await group.client.xlen(STREAM) == before + added
        return left, undue

    async def back(self, group: Scripted) -> list[str]:
        entries = await group.entries(STREAM)
        assert all(fields == {"n": fields["n"], "large": "x" * 300, "": ""} for fields in entries)
        return [fields["n"] for fields in entries]

    async def test_only_due_entries_are_reinjected(self, group: Scripted) -> None:
        await self.wait(group, late=-5_000, later=60_000, due=-1)
        left, undue = await self.reinject_due(group)
        assert (50_000 < left <= 60_000, undue) == (True, 0)
        assert await self.back(group) == ["late", "due"]
        assert list(await group.due(RETURNING.due)) == ["later"]
        assert await group.client.hkeys(RETURNING.delayed) == [b"later"]

    async def test_without_delayed_retries_there_is_no_next_due_time(self, group: Scripted) -> None:
        assert await self.reinject_due(group) == (-1, 0)
        await self.wait(group, due=-1)
        assert await self.reinject_due(group) == (-1, 0)

    async def test_one_step_reinjects_a_bounded_number(self, group: Scripted) -> None:
        await self.wait(group, a=-4, b=-3, c=-2)
        assert await self.reinject_due(group, 2) == (0, 0)
        assert await self.back(group) == ["a", "b"]
        assert await self.reinject_due(group, 2) == (-1, 0)

    async def test_one_step_reinjects_a_bounded_number_of_bytes(self, group: Scripted) -> None:
        await self.wait(group, a=-4, b=-3, c=-2)
        assert await self.reinject_due(group, max_bytes=400) == (0, 0)
        assert await self.back(group) == ["a", "b"]
        assert await self.reinject_due(group, max_bytes=1) == (-1, 0)

    @pytest.mark.parametrize(
        "damaged", [b"", b"\x00", b"\xff\xff\xff\xff", pack_fields({b"a": b"b"})[:-5], b"\0\0\0\0" * 7002]
    )
    async def test_a_damaged_entry_is_added_as_it_is(self, group: Scripted, damaged: bytes) -> None:
        await self.wait(group, a=-4, b=-3)
        await group.client.hset(RETURNING.delayed, "a", damaged)
        assert await self.reinject_due(group, max_bytes=10**6) == (-1, 0)
        first, second = [fields for _, fields in await group.client.xrange(STREAM)]
        assert first == {b"delayed": damaged}
        assert second[b"n"] == b"b"

    async def test_a_due_time_without_an_entry_is_removed(self, group: Scripted) -> None:
        await self.wait(group, a=-4, b=-3)
        await group.client.hdel(RETURNING.delayed, "a")
        assert await self.reinject_due(group) == (-1, 0)
        assert await self.back(group) == ["b"]

    async def test_retries_without_a_due_time_are_counted(self, group: Scripted) -> None:
        await self.wait(group, a=60_000, b=60_000, c=60_000)
        await group.client.zrem(RETURNING.due, "a", "b")
        assert (await self.reinject_due(group))[1] == 2
        await group.client.delete(RETURNING.due)
        assert await self.reinject_due(group) == (-1, 3)
        await group.client.zadd(RETURNING.due, {"d": await group.now() + 10**9})
        await group.client.delete(RETURNING.delayed)
        assert (await self.reinject_due(group))[1] == 0

    async def test_a_due_time_of_years_ahead_counts_as_lost(self, group: Scripted) -> None:
        await self.wait(group, a=60_000, year=365 * 86_400_000, b=60_000)
        await group.client.zadd(RETURNING.due, {"b": "inf", "no entry": "inf"})
        assert (await self.reinject_due(group))[1] == 1
        assert sorted(await group.due(RETURNING.due)) == ["a", "b", "year"]


class TestSchedule:
    """One retry by its name."""

    async def test_a_requeued_entry_waits_for_its_delay(self, group: Scripted) -> None:
        before = await group.now()
        assert await group.run("retries/schedule", [KEYS.due, KEYS.delayed], "a", 5_000, "entry a") == 1
        due = (await group.due())["a"]
        assert before + 5_000 <= due <= await group.now() + 5_000
        assert await group.hash(KEYS.delayed) == {"a": "entry a"}

    async def test_scheduling_the_same_retry_twice_is_idempotent(self, group: Scripted) -> None:
        await group.run("retries/schedule", [KEYS.due, KEYS.delayed], "a", 5_000, "entry a")
        first = await group.due()
        assert await group.run("retries/schedule", [KEYS.due, KEYS.delayed], "a", 90_000, "another") == 0
        assert (await group.due(), await group.hash(KEYS.delayed)) == (first, {"a": "entry a"})


class TestRestoreDue:
    """Lost due times."""

    async def test_entries_without_a_due_time_are_due_now_and_others_keep_theirs(
        self, group: Scripted
    ) -> None:
        await group.schedule(a=60_000, b=60_000, c=60_000)
        kept = (await group.due())["a"]
        await group.client.zrem(KEYS.due, "b", "c")
        before = await group.now()
        cursor, restored = await group.run("retries/restore_due_times", [KEYS.due, KEYS.delayed], "0", 100)
        assert (cursor, sorted(restored)) == ("0", ["b", "c"])
        due = await group.due()
        assert due.pop("a") == kept
        after = await group.now()
        assert all(before <= time <= after for time in due.values())
        assert sorted(due) == ["b", "c"]

    async def test_a_due_time_years_ahead_counts_as_due_now(self, group: Scripted) -> None:
        await group.schedule(a=60_000, year=365 * 86_400_000, b=60_000, c=60_000)
        kept = await group.due()
        await group.client.zadd(KEYS.due, {"b": "inf", "c": await group.now() + 367 * 86_400_000})
        _, restored = await group.run("retries/restore_due_times", [KEYS.due, KEYS.delayed], "0", 100)
        assert sorted(restored) == ["b", "c"]
        due, after = await group.due(), await group.now()
        assert (due["a"], due["year"]) == (kept["a"], kept["year"])
        assert max(due["b"], due["c"]) <= after

    async def test_many_entries_are_examined_in_several_steps(self, group: Scripted) -> None:
        await group.client.hset(KEYS.delayed, mapping={f"{n}": "x" * 100 for n in range(2_000)})
        cursor, found, steps = "0", list[str](), 0
        while steps == 0 or cursor != "0":
            cursor, restored = await group.run(
                "retries/restore_due_times", [KEYS.due, KEYS.delayed], cursor, 500
            )
            found += restored
            steps += 1
        assert sorted(found, key=int) == [f"{n}" for n in range(2_000)]
        assert 2 <= steps <= 10

    async def test_steps_continue_where_the_last_one_ended(self, group: Scripted) -> None:
        """An entry without its due time may be behind many that have theirs."""
        names = [f"{n}" for n in range(3_000)]
        await group.client.hset(KEYS.delayed, mapping=dict.fromkeys(names, "x" * 100))
        await group.client.zadd(KEYS.due, dict.fromkeys(names[::-1], await group.now() + 10**9))
        cursor, page = await group.client.hscan(KEYS.delayed, 0, count=1_000)
        last = next(name for name in names if name.encode() not in page)
        await group.client.zrem(KEYS.due, last)
        times, restored = DueTimes(), 0
        for _ in range(20):
            restored += await times.restore(raw_client(group.client, STREAM), KEYS.due, KEYS.delayed)
        assert (cursor != 0, restored) == (True, 1)


class TestRevive:
    """A requeued dead letter."""

    async def test_a_dead_letter_becomes_a_retry(self, group: Scripted) -> None:
        await group.add("1-0", "2-0", "3-0", stream=KEYS.dead)
        assert (
            await group.run(
                "dead_letters/requeue", [KEYS.dead, KEYS.retry], "2-0", "a", "entry a", KEYS.failures, "s"
            )
            == 1
        )
        assert await group.ids(KEYS.dead) == ["1-0", "3-0"]
        assert await group.entries(KEYS.retry) == [{"name": "a", "entry": "entry a"}]

    async def test_a_missing_dead_letter_is_not_requeued_again(self, group: Scripted) -> None:
        await group.add("1-0", stream=KEYS.dead)
        assert (
            await group.run(
                "dead_letters/requeue", [KEYS.dead, KEYS.retry], "2-0", "a", "entry a", KEYS.failures, "s"
            )
            == 0
        )
        assert await group.ids(KEYS.dead) == ["1-0"]
        assert await group.client.exists(KEYS.retry) == 0
