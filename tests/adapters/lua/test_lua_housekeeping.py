"""Maintenance scripts of a group: watermark, trimming, backlog, dead consumers, takeover."""

from __future__ import annotations

import json
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from backends import KEYS
from consuming import GROUP, STREAM
from scripted import ME, OTHER, Pending, Scripted
from streamroute.adapters.redis.scripts import script
from streamroute.keys import RELEASED, GroupKeys

HUGE = "18446744073709551615"
"""The largest half of an id; Lua's numbers cannot represent it."""


@pytest.fixture
async def group(redis_client: Redis) -> Scripted:
    made = Scripted(redis_client)
    await made.create_group(STREAM, KEYS.retry)
    return made


class TestBury:
    """Dead consumers."""

    async def bury(self, group: Scripted, idle: int) -> list[str]:
        gone: list[str] = await group.run("groups/remove_dead_consumers", [STREAM], GROUP, ME, RELEASED, idle)
        return sorted(gone)

    async def consumers(self, group: Scripted) -> list[str]:
        return sorted(row["name"].decode() for row in await group.client.xinfo_consumers(STREAM, GROUP))

    async def test_silent_consumers_without_entries_are_deleted(self, group: Scripted) -> None:
        await group.add("1-0")
        for consumer in (ME, RELEASED, "gone", "also gone", "holds"):
            await group.client.xgroup_createconsumer(STREAM, GROUP, consumer)
        await group.hold("1-0", "holds", 1)
        await group.gone_quiet("holds", 30)
        assert await self.bury(group, 60_000) == []
        assert await self.bury(group, 30) == ["also gone", "gone"]
        assert await self.consumers(group) == sorted([ME, RELEASED, "holds"])
        assert len(await group.pending()) == 1

    async def test_consumers_that_read_are_kept(self, group: Scripted) -> None:
        await group.client.xgroup_createconsumer(STREAM, GROUP, "gone")
        await group.gone_quiet("gone", 1000)
        # In one step: a moment later the consumer that has just read counts as silent as well.
        steps = group.client.pipeline().xreadgroup(GROUP, "reads", {STREAM: ">"})
        steps.eval(script("groups/remove_dead_consumers").text, 1, STREAM, GROUP, ME, RELEASED, 1000)
        assert (await steps.execute())[-1] == [b"gone"]


class TestWatermark:
    """A group's progress."""

    async def note(self, group: Scripted) -> str | None:
        low: str | None = await group.run("groups/save_watermark", [STREAM, KEYS.meta], GROUP)
        return low

    async def test_the_watermark_is_the_first_pending_or_the_last_finished_entry(
        self, group: Scripted
    ) -> None:
        await group.create_group(group="another")
        assert await self.note(group) == "(0-0"
        await group.add("1-0", "2-0", "3-0")
        await group.read()
        assert await self.note(group) == "1-0"
        await group.client.xack(STREAM, GROUP, "1-0", "3-0")
        assert await self.note(group) == "2-0"
        await group.client.xack(STREAM, GROUP, "2-0")
        assert await self.note(group) == "(3-0"
        assert await group.hash(KEYS.meta) == {"low": "(3-0"}

    async def test_a_deleted_group_writes_no_watermark(self, group: Scripted) -> None:
        await group.client.hset(KEYS.meta, "low", "7-0")
        await group.client.xgroup_destroy(STREAM, GROUP)
        assert await self.note(group) is None
        await group.client.delete(STREAM)
        assert await self.note(group) is None
        assert await group.hash(KEYS.meta) == {"low": "7-0"}

    async def test_an_unwritable_key_is_an_error(self, group: Scripted) -> None:
        await group.client.set(KEYS.meta, "a string")
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await self.note(group)

    async def test_a_server_that_is_full_notes_nothing(self, group: Scripted) -> None:
        await group.client.config_set("maxmemory", "1")
        try:
            assert await self.note(group) == "(0-0"
        finally:
            await group.client.config_set("maxmemory", "0")
        assert await group.hash(KEYS.meta) == {}


class TestTrim:
    """Which entries may be trimmed."""

    @pytest.fixture(autouse=True)
    async def small_blocks(self, group: Scripted) -> Any:
        """Store each entry in a stream node of its own."""
        await group.client.config_set("stream-node-max-entries", 1)
        yield
        await group.client.config_set("stream-node-max-entries", 100)

    async def trim(self, group: Scripted, age: int = 0, limit: int = 1_000) -> tuple[int, str | None]:
        went, needed = await group.run("groups/trim_stream", [STREAM], age, limit)
        return went, needed

    async def test_entries_finished_by_every_group_are_trimmed(self, group: Scripted) -> None:
        await group.create_group(group="another")
        await group.add("8-0", "9-0", "10-0", "11-0", "12-0")
        await group.read(count=4)
        await group.read(count=5, group="another")
        assert await self.trim(group) == (0, "8-0")
        await group.client.xack(STREAM, GROUP, "8-0", "9-0", "10-0", "11-0")
        await group.client.xack(STREAM, "another", "8-0", "9-0", "11-0", "12-0")
        assert await self.trim(group) == (2, "10-0")
        await group.client.xack(STREAM, "another", "10-0")
        assert await self.trim(group) == (1, "11-0")
        assert await group.ids() == ["11-0", "12-0"]

    async def test_ids_are_compared_as_numbers_of_any_size(self, group: Scripted) -> None:
        await group.create_group(group="another")
        ids = ["9-9", "9-10", f"9-{HUGE}", f"10-{HUGE[:-1]}4", f"10-{HUGE}"]
        await group.add(*ids)
        for name, count in ((GROUP, 5), ("another", 4)):
            await group.read(count=count, group=name)
            await group.client.xack(STREAM, name, *ids)
        assert await self.trim(group) == (3, ids[3])
        await group.client.xgroup_destroy(STREAM, "another")
        assert await self.trim(group) == (1, ids[4])

    async def test_young_entries_are_kept(self, group: Scripted) -> None:
        now = await group.now()
        ids = [f"{now - 60_000}-0", f"{now - 30_000}-0", f"{now}-0"]
        await group.add(*ids)
        await group.read()
        await group.client.xack(STREAM, GROUP, *ids)
        went, needed = await self.trim(group, age=45_000)
        assert went == 1
        assert 0 <= int(str(needed).removesuffix("-0")) - (now - 45_000) < 20_000
        assert await self.trim(group, age=now * 2) == (0, "0-0")

    async def test_a_step_is_bounded(self, group: Scripted) -> None:
        ids = [f"{n}-0" for n in range(1, 51)]
        await group.add(*ids)
        await group.read()
        await group.client.xack(STREAM, GROUP, *ids)
        assert (await self.trim(group, limit=10))[0] <= 10

    async def test_a_stream_without_groups_is_not_trimmed(self, group: Scripted) -> None:
        await group.add("1-0")
        await group.client.xgroup_destroy(STREAM, GROUP)
        assert await self.trim(group) == (0, None)
        await group.client.delete(STREAM)
        assert await self.trim(group) == (0, None)
        assert await group.client.exists(STREAM) == 0


class TestLeft:
    """Whether a group has work left, up to an entry."""

    async def left(self, group: Scripted, upto: str = "9-0") -> bool:
        answer: int = await group.run("groups/has_backlog", [STREAM, KEYS.retry, KEYS.delayed], GROUP, upto)
        return {0: False, 1: True}[answer]

    async def test_an_empty_stream_has_no_backlog(self, group: Scripted) -> None:
        assert not await self.left(group)

    async def test_unread_entries_up_to_the_id_are_backlog(self, group: Scripted) -> None:
        await group.create_group(group="another")
        await group.add("5-0", "9-0", "10-0")
        assert not await self.left(group, "4-9")
        assert await self.left(group, "5-0")
        await group.read(count=1)
        await group.client.xack(STREAM, GROUP, "5-0")
        assert not await self.left(group, "8-0")
        assert await self.left(group, "9-0")
        await group.read(count=1)
        await group.client.xack(STREAM, GROUP, "9-0")
        assert not await self.left(group, "9-0")
        assert await self.left(group, "10-0")

    async def test_pending_entries_up_to_the_id_are_backlog(self, group: Scripted) -> None:
        await group.add("5-0", "9-0", "10-0")
        await group.read()
        await group.client.xack(STREAM, GROUP, "5-0")
        assert not await self.left(group, "8-0")
        assert await self.left(group, "9-0")
        await group.client.xack(STREAM, GROUP, "9-0")
        assert not await self.left(group, "9-0")

    @pytest.mark.parametrize("where", ["retry", "delayed"])
    async def test_retries_of_entries_up_to_the_id_are_backlog(self, group: Scripted, where: str) -> None:
        for origin in ("10-9", f"10-{HUGE}"):
            name = f"{origin}|thank|2"
            if where == "retry":
                await group.add("*", stream=KEYS.retry, name=name, entry="")
            else:
                await group.client.hset(KEYS.delayed, name, "")
        assert not await self.left(group, "9-99")
        assert not await self.left(group, "10-8")
        assert await self.left(group, "10-9")
        assert await self.left(group, "10-10")
        assert await self.left(group, "100-0")

    async def test_a_retry_that_cannot_be_read_is_left(self, group: Scripted) -> None:
        await group.add("*", stream=KEYS.retry, other="10-0|thank|2", entry="")
        assert await self.left(group)

    @pytest.mark.parametrize("where", ["retry", "delayed"])
    async def test_all_retries_are_examined(self, group: Scripted, where: str) -> None:
        fill = (
            "for n = 1, 1300 do local name = '50-' .. n .. '|thank|2' "
            "if ARGV[1] == 'retry' then redis.call('XADD', KEYS[1], '*', 'name', name, 'entry', '') "
            "else redis.call('HSET', KEYS[2], name, string.rep('x', 100)) end end"
        )
        await group.client.eval(fill, 2, KEYS.retry, KEYS.delayed, where)
        assert not await self.left(group, "49-0")
        if where == "retry":
            await group.add("*", stream=KEYS.retry, name="9-0|thank|2", entry="")
        else:
            await group.client.hset(KEYS.delayed, "9-0|thank|2", "")
        assert await self.left(group, "49-0")

    async def test_a_group_that_is_lost_has_everything_left(self, group: Scripted) -> None:
        await group.create_group(group="another")
        await group.client.xgroup_destroy(STREAM, GROUP)
        assert await self.left(group)
        await group.client.delete(STREAM)
        assert await self.left(group)


class TestForgetRoutes:
    """Routes that no worker has any more."""

    async def forget(self, group: Scripted, keep: int = 0) -> int:
        """Forget routes found unused at least ``keep`` ms ago; the first call only marks them."""
        keys = [KEYS.workers, KEYS.routes, KEYS.generations]
        assert await group.run("groups/remove_unused_routes", keys, 10**9) == 0
        gone: int = await group.run("groups/remove_unused_routes", keys, keep)
        return gone

    async def test_names_that_no_worker_has_are_removed(self, group: Scripted) -> None:
        await group.client.hset(KEYS.routes, mapping={"a": "1", "b": "2", "c": "3", "d": "4"})
        workers = {"one": "7 5 a", "two": "7 5 c", "none": "7 5 ", "broken": "not readable"}
        await group.client.hset(KEYS.workers, mapping=workers)
        assert await self.forget(group) == 2
        assert await group.hash(KEYS.routes) == {"a": "1", "c": "3"}
        assert await self.forget(group) == 0

    async def test_a_note_expires_later_if_it_is_used_again(self, group: Scripted) -> None:
        await group.client.hset(KEYS.routes, mapping={"a": "1", "b": "2"})
        await group.client.hset(KEYS.workers, "one", "7 5 a")
        before = await group.now()
        assert await self.forget(group, keep=60_000) == 0
        noted = await group.hash(KEYS.routes)
        assert before <= int(noted.pop("unused:b")) <= await group.now()
        assert noted == {"a": "1", "b": "2"}

        await group.client.hset(KEYS.routes, "unused:b", before - 30_000)
        assert await self.forget(group, keep=60_000) == 0
        await group.client.hset(KEYS.workers, "two", "7 5 b")
        assert await self.forget(group, keep=0) == 0
        assert await group.hash(KEYS.routes) == {"a": "1", "b": "2"}

        await group.client.hdel(KEYS.workers, "two")
        await group.client.hset(KEYS.routes, "unused:b", before - 60_000)
        await group.client.hset(KEYS.routes, "unused:gone", "not a number")
        assert await self.forget(group, keep=60_000) == 1
        assert await group.hash(KEYS.routes) == {"a": "1"}

    async def test_only_the_name_without_a_worker_is_removed(self, group: Scripted) -> None:
        await group.client.hset(KEYS.routes, mapping={"a": "1", "b": "2"})
        await group.client.hset(KEYS.workers, "one", "7 5 b")
        assert await self.forget(group) == 1
        assert await group.hash(KEYS.routes) == {"b": "2"}

    async def test_the_last_of_a_group_stays(self, group: Scripted) -> None:
        await group.client.hset(KEYS.routes, "a", "1")
        await group.client.hset(KEYS.workers, "one", "7 5 b")
        assert await self.forget(group) == 0
        assert await group.hash(KEYS.routes) == {"a": "1"}

    async def test_a_group_without_workers_keeps_all(self, group: Scripted) -> None:
        """The routes tell which configuration the group belonged to."""
        await group.client.hset(KEYS.routes, mapping={"a": "1", "b": "2"})
        assert await self.forget(group) == 0
        await group.client.hset(KEYS.workers, "none", "7 5 ")
        assert await self.forget(group) == 0
        assert len(await group.hash(KEYS.routes)) == 2

    async def test_generations_of_workers_without_a_record_are_removed(self, group: Scripted) -> None:
        await group.client.hset(KEYS.generations, mapping={"one": "g1", "gone": "g1", "none": ""})
        await group.client.hset(KEYS.workers, "one", "7 5 a")
        assert await self.forget(group) == 0
        assert await group.hash(KEYS.generations) == {"one": "g1"}


class TestTakeOver:
    """A group that takes another one's place."""

    NEW = GroupKeys.of(STREAM, "new")

    async def step(
        self, group: Scripted, limit: int = 100, budget: int = 10**9, *, dead: str | None = None
    ) -> tuple[str, int]:
        """Run one step; return its status and a count."""
        old = KEYS if dead is None else KEYS._replace(dead=dead)
        new = self.NEW if dead is None else self.NEW._replace(dead=dead)
        keys = [
            *(old.stream, old.workers, old.retry, old.due, old.delayed, old.dead),
            *(old.meta, old.routes, old.generations),
            *(new.retry, new.due, new.delayed, new.dead, new.meta),
        ]
        arguments = (GROUP, "new", RELEASED, limit, budget, old.failures, new.failures)
        message, count = await group.run("groups/take_over_group", keys, *arguments)
        return message, count

    async def groups(self, group: Scripted) -> dict[str, str]:
        """Return the stream's groups with their last delivered ids."""
        rows = await group.client.xinfo_groups(STREAM)
        return {row["name"].decode(): row["last-delivered-id"].decode() for row in rows}

    async def fill(self, group: Scripted) -> None:
        """Add some of each kind: two pending, one unread, two promoted, two delayed, two dead."""
        await group.add("1-0", "2-0", "3-0", "4-0")
        await group.read(count=3)
        await group.hold("2-0", OTHER, 4)
        await group.client.xack(STREAM, GROUP, "1-0")
        for key in (KEYS.retry, KEYS.dead):
            await group.add("*", stream=key, name="a", entry="xx")
            await group.add("*", stream=key, name="b", entry="xx")
        await group.schedule(c=60_000, d=-5)
        await group.client.hset(KEYS.meta, "low", "1-0")
        await group.client.hset(KEYS.routes, "digest", "names")
        await group.client.hset(KEYS.generations, "gone", "g1")

    @pytest.mark.parametrize(("dead", "samples"), [(None, {}), ("shared", ["7-0"])])
    async def test_groups_of_failures_move_with_their_letters(
        self, group: Scripted, dead: str | None, samples: object
    ) -> None:
        await group.add("1-0")
        failure = {"title": "E", "count": 2, "first": 1, "samples": ["7-0"], "resolved": {"at": 5}}
        await group.client.hset(KEYS.failures, mapping={"a": json.dumps(failure), "b": "damaged"})
        assert await self.step(group, dead=dead) == ("done", 0)
        [(signature, packed)] = (await group.hash(self.NEW.failures)).items()
        assert (signature, json.loads(packed)) == ("a", {**failure, "samples": samples})
        assert not await group.client.exists(KEYS.failures)

    async def is_moved(self, group: Scripted) -> None:
        """Assert that everything ``fill`` made belongs to the new group."""
        assert await self.groups(group) == {"new": "3-0"}
        assert await group.pending(group="new") == [Pending("2-0", RELEASED, 4), Pending("3-0", RELEASED, 1)]
        for key in (self.NEW.retry, self.NEW.dead):
            assert await group.entries(key) == [{"name": name, "entry": "xx"} for name in "ab"]
        assert await group.hash(self.NEW.delayed) == {"c": "entry c", "d": "entry d"}
        assert list(await group.due(self.NEW.due)) == ["d", "c"]
        olds = (KEYS.workers, KEYS.retry, KEYS.due, KEYS.delayed, KEYS.dead, KEYS.routes, KEYS.generations)
        assert await group.client.exists(*olds) == 0
        assert await group.hash(KEYS.meta) == {"moved_to": "new"}

    async def test_small_amounts_are_moved_in_one_step(self, group: Scripted) -> None:
        await self.fill(group)
        due = await group.due()
        assert await self.step(group) == ("done", 8)
        await self.is_moved(group)
        assert await group.due(self.NEW.due) == due
        assert await group.hash(self.NEW.meta) == {"took_over": GROUP}
        assert await self.step(group) == ("done", 0)

    @pytest.mark.parametrize(("limit", "budget"), [(1, 10**9), (3, 10**9), (100, 1), (100, 10)])
    async def test_large_amounts_take_several_steps(self, group: Scripted, limit: int, budget: int) -> None:
        await self.fill(group)
        message, moved = list[str](), 0
        while not message or message[-1] == "more":
            state, count = await self.step(group, limit, budget)
            message.append(state)
            moved += count
            assert count <= limit
            assert len(message) < 30
        assert (message[-1], moved) == ("done", 8)
        assert len(message) > 1
        await self.is_moved(group)

    @pytest.mark.parametrize("kind", ["pending", "retry", "delayed", "dead"])
    async def test_leftovers_of_each_type_mean_more_work(self, group: Scripted, kind: str) -> None:
        if kind == "pending":
            await group.add("1-0", "2-0", "3-0")
            await group.read()
        for n in range(3):
            if kind == "delayed":
                await group.schedule(**{f"n{n}": 60_000})
            elif kind != "pending":
                await group.add("*", stream=KEYS.retry if kind == "retry" else KEYS.dead, n="1")
        assert await self.step(group, 2) == ("more", 2)
        assert GROUP in await self.groups(group)
        assert await self.step(group, 2) == ("done", 1)

    @pytest.mark.parametrize(("budget", "moved"), [(11, 1), (12, 1), (13, 2), (24, 2), (25, 3)])
    async def test_a_step_ends_with_the_promoted_retry_that_fills_it(
        self, group: Scripted, budget: int, moved: int
    ) -> None:
        """Each has twelve bytes."""
        for name in "abcd":
            await group.add("*", stream=KEYS.retry, name=name, entry="xx")
        assert await self.step(group, budget=budget) == ("more", moved)
        assert len(await group.ids(self.NEW.retry)) == moved
        assert len(await group.ids(KEYS.retry)) == 4 - moved

    @pytest.mark.parametrize(("limit", "budget", "moved"), [(2, 10**9, 2), (9, 7, 1), (9, 8, 2), (9, 14, 2)])
    @pytest.mark.parametrize("has_due_time", [True, False])
    async def test_a_step_ends_with_the_delayed_retry_that_fills_it(
        self, group: Scripted, limit: int, budget: int, moved: int, has_due_time: bool
    ) -> None:
        """Each has seven bytes."""
        await group.schedule(a=10_000, b=20_000, c=30_000)
        if not has_due_time:
            await group.client.delete(KEYS.due)
        assert await self.step(group, limit, budget) == ("more", moved)
        assert len(await group.due(self.NEW.due)) == len(await group.hash(self.NEW.delayed)) == moved
        assert len(await group.hash(KEYS.delayed)) == 3 - moved

    async def test_workers_that_are_alive_are_waited_for(self, group: Scripted) -> None:
        await self.fill(group)
        now = await group.now()
        workers = {"a": f"{now + 60_000} 5 d", "b": f"{now + 60_000} 5 ", "gone": f"{now - 1} 5 d", "x": "?"}
        workers["absurd"] = "99999999999999 999999999999 abc"
        await group.client.hset(KEYS.workers, mapping=workers)
        assert await self.step(group) == ("waits", 2)
        assert list(await self.groups(group)) == [GROUP]
        await group.client.hdel(KEYS.workers, "b")
        assert await self.step(group) == ("waits", 1)
        await group.client.hdel(KEYS.workers, "a")
        assert await self.step(group) == ("done", 8)

    async def test_a_group_may_take_over_back(self, group: Scripted) -> None:
        await self.fill(group)
        await group.client.hset(self.NEW.meta, "moved_to", GROUP)
        assert await self.step(group) == ("done", 8)
        assert await group.hash(self.NEW.meta) == {"took_over": GROUP}

    async def test_a_group_that_began_elsewhere_is_not_mixed_up_with_the_old_one(
        self, group: Scripted
    ) -> None:
        await self.fill(group)
        await group.create_group(group="new")
        assert await self.step(group) == ("exists", 0)
        assert len(await group.pending()) == 2
        await group.client.hset(self.NEW.meta, "took_over", "somebody else")
        assert await self.step(group) == ("exists", 0)
        await group.client.hset(self.NEW.meta, "took_over", GROUP)
        assert (await self.step(group))[0] == "done"

    async def test_leftovers_of_a_deleted_group_are_moved(self, group: Scripted) -> None:
        await self.fill(group)
        await group.client.xgroup_destroy(STREAM, GROUP)
        assert await self.step(group) == ("done", 6)
        assert await self.groups(group) == {}
        assert len(await group.ids(self.NEW.retry)) == 2
        await group.client.delete(STREAM)
        assert await self.step(group) == ("done", 0)
        assert await group.client.exists(STREAM) == 0

    async def test_a_retry_without_a_due_time_is_due_now(self, group: Scripted) -> None:
        await group.client.hset(KEYS.delayed, mapping={"a": "x", "b": "y"})
        before = await group.now()
        assert await self.step(group) == ("done", 2)
        after = await group.now()
        due = await group.due(self.NEW.due)
        assert sorted(due) == ["a", "b"]
        assert all(before <= time <= after for time in due.values())

    async def test_a_due_time_without_a_retry_is_forgotten(self, group: Scripted) -> None:
        await group.schedule(a=60_000, b=60_000)
        await group.client.hdel(KEYS.delayed, "a")
        assert await self.step(group) == ("done", 1)
        assert list(await group.due(self.NEW.due)) == ["b"]

    async def test_a_retry_that_is_there_already_stays_as_it_is(self, group: Scripted) -> None:
        """An interrupted step has written it."""
        await group.schedule(a=60_000)
        await group.client.hset(self.NEW.delayed, "a", "first")
        await group.client.zadd(self.NEW.due, {"a": 5})
        assert await self.step(group) == ("done", 1)
        assert await group.due(self.NEW.due) == {"a": 5}
        assert await group.hash(self.NEW.delayed) == {"a": "first"}

    async def test_dead_letters_of_a_stream_that_both_share_stay(self, group: Scripted) -> None:
        await group.add("1-0", "2-0", stream="dead{bot_events}")
        assert await self.step(group, dead="dead{bot_events}") == ("done", 0)
        assert await group.ids("dead{bot_events}") == ["1-0", "2-0"]
