"""Scripts with the fence: a consumer that has lost an entry, or its delivery, changes nothing."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from backends import KEYS
from consuming import GROUP, STREAM, eventually
from scripted import ME, OTHER, Pending, Scripted
from streamroute.adapters.redis.scripts import Argument
from streamroute.adapters.stream.ack_batches import pack_ids
from streamroute.keys import RELEASED

LATER = 10**15
"""A deadline far in the future (Redis time in ms)."""
DEDUPE = KEYS.dedupe("thank", "a")

stale = pytest.mark.parametrize(
    ("consumer", "deliveries", "asked"),
    [(ME, 2, 1), (ME, 2, 3), (OTHER, 1, 1)],
    ids=["an older delivery of its own", "a newer one", "another consumer"],
)
"""The consumer that holds the entry, its delivery, and the delivery passed to the script."""


@pytest.fixture
async def group(redis_client: Redis) -> Scripted:
    """A group in which ``me`` holds the entries 1-0 to 4-0."""
    made = Scripted(redis_client)
    await made.create_group(STREAM, KEYS.retry)
    await made.add("1-0", "2-0", "3-0", "4-0")
    await made.read()
    return made


class TestAck:
    """Several ids at once."""

    async def ack(
        self, group: Scripted, deadline: int, ids: str, counts: str = "", word: str = "keep"
    ) -> list[str]:
        packed = pack_ids(ids.split())
        answers: list[list[str]] = await group.run(
            "settle/ack", [STREAM], GROUP, ME, deadline, word, packed, counts
        )
        (lost,) = answers
        return lost

    async def test_after_the_deadline_each_entry_is_checked(self, group: Scripted) -> None:
        await group.hold("1-0", ME, 12)
        await group.hold("2-0", ME, 2)
        await group.hold("3-0", OTHER, 1)
        await group.client.xack(STREAM, GROUP, "4-0")
        lost = await self.ack(group, 0, "1-0 2-0 3-0 4-0", "12 1 1 1")
        assert lost == ["2-0", "3-0", "4-0"]
        assert await group.pending() == [Pending("2-0", ME, 2), Pending("3-0", OTHER, 1)]

    async def test_an_entry_of_another_does_not_shift_the_counts_of_the_rest(self, group: Scripted) -> None:
        await group.hold("1-0", OTHER, 2)
        await group.client.xack(STREAM, GROUP, "2-0")
        await group.hold("3-0", ME, 4)
        await group.hold("4-0", ME, 2)
        assert await self.ack(group, 0, "1-0 2-0 3-0 4-0", "2 4 4 3") == ["1-0", "2-0", "4-0"]
        assert await group.pending() == [Pending("1-0", OTHER, 2), Pending("4-0", ME, 2)]

    async def test_each_stream_has_its_own_group_deadline_and_answer(self, group: Scripted) -> None:
        await group.client.xgroup_create("other", "its group", "0", mkstream=True)
        await group.client.xadd("other", {"a": "b"}, id="1-0")
        await group.client.xreadgroup("its group", "it", {"other": ">"})
        for each in ("1-0", "2-0"):
            await group.hold(each, OTHER, 1)
        answers = await group.run(
            *("settle/ack", [STREAM, "other", STREAM]),
            *(GROUP, ME, 0, "keep", pack_ids(["1-0", "3-0"]), ""),
            *("its group", "it", LATER, "drop", pack_ids(["1-0"]), ""),
            *(GROUP, ME, 0, "drop", pack_ids(["2-0", "4-0"]), "1 1"),
        )
        assert answers == [["1-0"], [], ["2-0"]]
        assert await group.pending() == [Pending("1-0", OTHER, 1), Pending("2-0", OTHER, 1)]
        assert (await group.client.xpending("other", "its group"))["pending"] == 0
        assert await group.client.xlen("other") == 0
        assert await group.ids() == ["1-0", "2-0", "3-0"]

    async def test_without_counts_each_entry_is_at_its_first_delivery(self, group: Scripted) -> None:
        await group.hold("2-0", ME, 2)
        assert await self.ack(group, 0, "1-0 2-0 3-0") == ["2-0"]
        assert await group.pending() == [Pending("2-0", ME, 2), Pending("4-0", ME, 1)]

    async def test_before_the_deadline_no_entry_is_checked(self, group: Scripted) -> None:
        assert await self.ack(group, await group.now() + 60_000, "1-0 2-0", "5 5") == []
        assert [row.entry_id for row in await group.pending()] == ["3-0", "4-0"]

    async def test_the_deadline_is_by_the_time_of_the_server(self, group: Scripted) -> None:
        await group.hold("1-0", OTHER, 1)
        assert await self.ack(group, await group.now(), "1-0") == ["1-0"]

    @pytest.mark.parametrize(
        ("word", "left"), [("drop", ["2-0", "4-0"]), ("keep", ["1-0", "2-0", "3-0", "4-0"])]
    )
    async def test_acked_entries_leave_the_stream_where_they_are_to_be_dropped(
        self, group: Scripted, word: str, left: list[str]
    ) -> None:
        await group.hold("2-0", OTHER, 1)
        assert await self.ack(group, 0, "1-0 2-0 3-0", word=word) == ["2-0"]
        assert await group.ids() == left


class TestSettle:
    """One entry, with its outcomes."""

    RETRY = ("1-0|thank|2", 5_000, "a retry")
    GROUP_FACTS = ("abc", '{"title": "no luck"}')
    LETTER = (4, "id", "1-0", "reason", "bad", *GROUP_FACTS)

    async def settle(
        self,
        group: Scripted,
        *,
        deliveries: int = 1,
        word: str = "keep",
        retries: tuple[tuple[Argument, ...], ...] = (),
        letters: tuple[tuple[Argument, ...], ...] = (),
        claims: tuple[tuple[Argument, ...], ...] = (),
    ) -> int:
        """Settle 1-0; each claim is a key, its route, its resolution and a value."""
        keys = [STREAM, KEYS.due, KEYS.delayed, KEYS.dead, *(str(key) for key, *_ in claims)]
        parts = [
            part for outcome in (*retries, *letters, *(claim[1:] for claim in claims)) for part in outcome
        ]
        counts = (len(retries), len(letters))
        done: int = await group.run(
            *("settle/settle", keys, GROUP, ME, "1-0", deliveries, word, *counts, "1-0"),
            *(KEYS.failures, 1000, *parts),
        )
        return done

    @stale
    async def test_a_lost_entry_writes_nothing(
        self, group: Scripted, consumer: str, deliveries: int, asked: int
    ) -> None:
        await group.hold("1-0", consumer, deliveries)
        claims = ((DEDUPE, "thank", "done", 60_000),)
        settled = await self.settle(
            group, deliveries=asked, word="drop", retries=(self.RETRY,), letters=(self.LETTER,), claims=claims
        )
        assert settled == 0
        assert (await group.pending())[0] == Pending("1-0", consumer, deliveries)
        assert await group.client.exists(KEYS.due, KEYS.delayed, KEYS.dead, DEDUPE) == 0
        assert "1-0" in await group.ids()

    async def test_a_settled_entry_is_not_settled_again(self, group: Scripted) -> None:
        assert await self.settle(group) == 1
        assert await self.settle(group, letters=(self.LETTER,)) == 0
        assert await group.client.exists(KEYS.dead) == 0

    async def test_all_outcomes_are_written_and_then_the_ack(self, group: Scripted) -> None:
        await group.hold("1-0", ME, 3)
        others = [KEYS.dedupe(route, "a") for route in ("bill", "note")]
        await group.client.set(others[1], "running 7 1-0 note entry 1-0")
        before = await group.now()
        settled = await self.settle(
            group,
            deliveries=3,
            retries=(self.RETRY, ("1-0|bill|2", 90_000, "another")),
            letters=(self.LETTER, (2, "id", "1-0", *self.GROUP_FACTS), (2, "id", "last", *self.GROUP_FACTS)),
            claims=(
                (DEDUPE, "thank", "done", 60_000),
                (others[0], "bill", "delayed", "1-0|bill|2"),
                (others[1], "note", "free", ""),
            ),
        )
        after = await group.now()
        assert settled == 1
        due = await group.due()
        assert list(due) == ["1-0|thank|2", "1-0|bill|2"]
        assert before + 5_000 <= due["1-0|thank|2"] <= after + 5_000
        assert before + 90_000 <= due["1-0|bill|2"] <= after + 90_000
        assert await group.hash(KEYS.delayed) == {"1-0|thank|2": "a retry", "1-0|bill|2": "another"}
        assert await group.entries(KEYS.dead) == [
            {"id": "1-0", "reason": "bad"},
            {"id": "1-0"},
            {"id": "last"},
        ]
        state, since, *rest = (await group.client.get(DEDUPE)).decode().split()
        assert (state, rest) == ("done", ["1-0", "thank", "entry", "1-0"])
        assert before <= int(since) <= after
        assert 50_000 < await group.client.pttl(DEDUPE) <= 60_000
        state, since, *rest = (await group.client.get(others[0])).decode().split()
        assert (state, rest) == ("running", ["1-0", "bill", "delayed", "1-0|bill|2"])
        assert await group.client.pttl(others[0]) == -1
        assert await group.client.exists(others[1]) == 0
        assert [row.entry_id for row in await group.pending()] == ["2-0", "3-0", "4-0"]
        assert await group.ids() == ["1-0", "2-0", "3-0", "4-0"]

    async def test_a_settled_entry_leaves_the_stream_where_it_is_to_be_dropped(self, group: Scripted) -> None:
        assert await self.settle(group, word="drop") == 1
        assert await group.ids() == ["2-0", "3-0", "4-0"]

    async def test_a_retry_that_waits_already_keeps_its_time_and_its_entry(self, group: Scripted) -> None:
        await group.client.zadd(KEYS.due, {self.RETRY[0]: 5})
        await group.client.hset(KEYS.delayed, self.RETRY[0], "the first")
        assert await self.settle(group, retries=(self.RETRY,)) == 1
        assert await group.due() == {self.RETRY[0]: 5}
        assert await group.hash(KEYS.delayed) == {self.RETRY[0]: "the first"}

    @pytest.mark.parametrize("state", [("done", 60_000), ("delayed", "1-0|thank|2"), ("free", "")])
    async def test_a_key_that_another_message_holds_meanwhile_stays_as_it_is(
        self, group: Scripted, state: tuple[str, Argument]
    ) -> None:
        theirs = b"running 7 9-0 thank entry 9-0"
        await group.client.set(DEDUPE, theirs)
        assert await self.settle(group, claims=((DEDUPE, "thank", *state),)) == 1
        assert await group.client.get(DEDUPE) == theirs

    @pytest.mark.parametrize(
        ("state", "written"),
        [
            (("done", 60_000), b"done 7 1-0 thank entry 1-0"),
            (("delayed", "1-0|thank|2"), b"running 7 1-0 thank delayed 1-0|thank|2"),
            (("free", ""), None),
        ],
    )
    async def test_a_key_of_its_own_counts_from_when_it_began(
        self, group: Scripted, state: tuple[str, Argument], written: bytes | None
    ) -> None:
        await group.client.set(DEDUPE, "running 7 1-0 thank entry 1-0")
        assert await self.settle(group, claims=((DEDUPE, "thank", *state),)) == 1
        assert await group.client.get(DEDUPE) == written

    @pytest.mark.parametrize(
        ("key", "kind"),
        [(KEYS.due, "zset"), (KEYS.delayed, "hash"), (KEYS.dead, "stream"), (DEDUPE, "string")],
    )
    async def test_a_key_of_the_wrong_type_is_found_before_anything_is_written(
        self, group: Scripted, key: str, kind: str
    ) -> None:
        await group.client.lpush(key, "a list")
        claims = ((DEDUPE, "thank", "free", ""),)
        with pytest.raises(ResponseError, match=f"{key} is a list, and streamroute needs a {kind} there"):
            await self.settle(group, retries=(self.RETRY,), letters=(self.LETTER,), claims=claims)
        assert await group.client.exists(KEYS.due, KEYS.delayed, KEYS.dead, DEDUPE) == 1
        assert len(await group.pending()) == 4

    async def test_keys_are_looked_at_for_retries_alone_and_for_letters_alone(self, group: Scripted) -> None:
        await group.client.set(KEYS.due, "a string")
        with pytest.raises(ResponseError, match="needs a zset there; rename or delete it"):
            await self.settle(group, retries=(self.RETRY,))
        await group.client.set(KEYS.dead, "a string")
        with pytest.raises(ResponseError, match="needs a stream there"):
            await self.settle(group, letters=(self.LETTER,))
        assert len(await group.pending()) == 4

    async def test_a_key_that_is_not_needed_may_be_of_any_type(self, group: Scripted) -> None:
        for key in (KEYS.due, KEYS.delayed, KEYS.dead):
            await group.client.set(key, "a string")
        assert await self.settle(group, claims=((DEDUPE, "thank", "done", 60_000),)) == 1

    async def test_keys_of_the_right_type_are_written_again(self, group: Scripted) -> None:
        await group.client.set(DEDUPE, "not readable")
        for n in ("2", "3"):
            await group.hold("1-0", ME, 1)
            retry, letter = (f"1-0|thank|{n}", 5_000, "a retry"), (2, "n", n, *self.GROUP_FACTS)
            claims = ((DEDUPE, "thank", "done", 60_000),)
            assert await self.settle(group, retries=(retry,), letters=(letter,), claims=claims) == 1
        assert await group.entries(KEYS.dead) == [{"n": "2"}, {"n": "3"}]
        assert list(await group.due()) == ["1-0|thank|2", "1-0|thank|3"]


class TestRelease:
    """Entries released to the next claim."""

    @stale
    async def test_a_lost_entry_is_not_released(
        self, group: Scripted, consumer: str, deliveries: int, asked: int
    ) -> None:
        await group.hold("1-0", consumer, deliveries)
        await group.run("leases/release", [STREAM], GROUP, ME, RELEASED, "1-0", asked, 0, "2-0", 1, 0)
        assert (await group.pending())[:2] == [
            Pending("1-0", consumer, deliveries),
            Pending("2-0", RELEASED, 0),
        ]

    async def test_each_entry_gets_its_requested_delivery_count(self, group: Scripted) -> None:
        await group.hold("1-0", ME, 3)
        await group.run("leases/release", [STREAM], GROUP, ME, RELEASED, "1-0", 3, 2, "2-0", 1, 1)
        released = [row for row in await group.pending() if row.consumer == RELEASED]
        assert released == [Pending("1-0", RELEASED, 2), Pending("2-0", RELEASED, 1)]

    async def test_a_settled_entry_is_not_requeued(self, group: Scripted) -> None:
        await group.client.xack(STREAM, GROUP, "1-0")
        await group.run("leases/release", [STREAM], GROUP, ME, RELEASED, "1-0", 1, 0)
        assert [row.entry_id for row in await group.pending()] == ["2-0", "3-0", "4-0"]


class TestHeartbeat:
    """Entries whose leases are renewed."""

    KEYS = (STREAM, KEYS.workers, KEYS.routes, KEYS.generations)

    async def beat(
        self,
        group: Scripted,
        *entries: Argument,
        lease: int = 1_000,
        digest: str = "",
        generation: str = "",
    ) -> tuple[int, list[str], list[str], int, str, int]:
        """Return the reply: now, lost, deleted, the longest lease, its worker, is the digest known."""
        now, lost, deleted, longest, whose, known = await group.run(
            "leases/heartbeat", self.KEYS, GROUP, ME, lease, digest, generation, *entries
        )
        return now, lost, deleted, longest, whose, known

    @stale
    async def test_a_lost_entry_is_not_renewed(
        self, group: Scripted, consumer: str, deliveries: int, asked: int
    ) -> None:
        await group.hold("1-0", consumer, deliveries, idle=50_000)
        await group.hold("2-0", ME, 1, idle=50_000)
        _, lost, deleted, *_ = await self.beat(group, "1-0", asked, "2-0", 1)
        assert (lost, deleted) == (["1-0"], [])
        assert (await group.pending())[0] == Pending("1-0", consumer, deliveries)
        assert await group.idle("1-0") >= 50_000
        assert await group.idle("2-0") < 50_000

    async def test_a_confirmation_is_no_delivery(self, group: Scripted) -> None:
        await group.hold("1-0", ME, 2, idle=50_000)
        await self.beat(group, "1-0", 2, "2-0", 1)
        assert await group.idle("1-0") < 50_000
        assert (await group.pending())[:2] == [Pending("1-0", ME, 2), Pending("2-0", ME, 1)]

    async def test_a_settled_entry_is_reported_neither_lost_nor_deleted(self, group: Scripted) -> None:
        await group.client.xack(STREAM, GROUP, "1-0")
        _, lost, deleted, *_ = await self.beat(group, "1-0", 1)
        assert (lost, deleted) == ([], [])
        assert len(await group.pending()) == 3

    async def test_deleted_pending_entries_are_reported(self, group: Scripted) -> None:
        if (await group.client.info("server"))["redis_version"].startswith("6."):
            pytest.skip("Redis 6.2 finds a deleted entry when it is claimed, and no sooner")
        await group.client.xdel(STREAM, "2-0")
        _, lost, deleted, *_ = await self.beat(group, "1-0", 1, "2-0", 1)
        assert (lost, deleted) == ([], ["2-0"])

    async def test_the_worker_is_noted_for_two_leases(self, group: Scripted) -> None:
        before = await group.now()
        now, *_ = await self.beat(group, lease=1_234, digest="d1")
        assert before <= now <= await group.now()
        assert await group.hash(KEYS.workers) == {ME: f"{now + 2_468} 1234 d1"}

    async def test_a_generation_is_written_when_it_changes(self, group: Scripted) -> None:
        await self.beat(group)
        assert await group.hash(KEYS.generations) == {}
        for generation in ("g1", "g2", ""):
            await self.beat(group, generation=generation)
            await group.client.config_resetstat()
            await self.beat(group, generation=generation)
            assert await group.hash(KEYS.generations) == {ME: generation}
            assert (await group.client.info("commandstats"))["cmdstat_hset"]["calls"] == 1  # the sign of life

    async def test_the_longest_lease_of_a_live_worker_is_reported(self, group: Scripted) -> None:
        soon = await group.now() + 60_000
        await group.client.hset(
            KEYS.workers,
            mapping={
                "gone": f"{soon - 61_000} 90000 d",
                "shorter": f"{soon} 500 d",
                "longest": f"{soon} 3000 d",
                "longer": f"{soon} 2000 ",
                "equal": f"{soon} 1000 d",
                "broken": "not readable",
                "absurd": f"{soon} 999999999999 d",
                "ahead": f"{soon + 1_000_000} 90000 d",
            },
        )
        assert (await self.beat(group))[3:5] == (3000, "longest")
        await group.client.hdel(KEYS.workers, "longest", "longer", "equal")
        await group.client.hset(KEYS.workers, "equal", f"{soon} 1000 d")  # after the worker's own
        assert (await self.beat(group))[3:5] == (1000, ME)

    async def test_a_longer_lease_counts_no_longer_than_its_worker_is_alive(self, group: Scripted) -> None:
        await group.client.hset(KEYS.workers, "long", f"{await group.now() + 60} 90000 d")
        await eventually(lambda: self._is_own(group))
        await group.client.hset(KEYS.workers, "short", f"{await group.now() + 60_000} 700 d")
        assert (await self.beat(group))[3:5] == (1000, ME)
        assert (await self.beat(group, lease=100))[3:5] == (700, "short")

    async def _is_own(self, group: Scripted) -> bool:
        return (await self.beat(group))[3:5] == (1000, ME)

    async def test_the_names_behind_a_digest_are_fetched_until_known(self, group: Scripted) -> None:
        assert (await self.beat(group))[5] == 1
        assert (await self.beat(group, digest="d1"))[5] == 0
        await group.client.hset(KEYS.routes, "d1", "names")
        assert (await self.beat(group, digest="d1"))[5] == 1

    async def test_a_server_that_is_full_keeps_leases_all_the_same(self, group: Scripted) -> None:
        await group.hold("1-0", ME, 1, idle=50_000)
        await group.client.config_set("maxmemory", "1")
        try:
            await self.beat(group)
            assert await group.hash(KEYS.workers) == {}
            _, lost, *_ = await self.beat(group, "1-0", 1)
        finally:
            await group.client.config_set("maxmemory", "0")
        assert lost == []
        assert await group.idle("1-0") < 50_000
