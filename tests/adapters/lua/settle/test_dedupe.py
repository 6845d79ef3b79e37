"""The dedupe script: which message may run for a key, which waits, and which consumer has lost the entry."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from backends import KEYS
from consuming import GROUP, STREAM
from scripted import ME, OTHER, Scripted

KEY, FORMER = KEYS.dedupe("thank", "a"), KEYS.dedupe("greet", "a")
RUN, SKIP, WAIT, LOST = range(4)


class Asking(Scripted):
    """A group; the script is called as the deduplicator calls it."""

    async def begin(
        self,
        entry_id: str = "1-0",
        *,
        message: str = "",
        where: str = "entry",
        deliveries: int = 1,
        own: int = 1,
    ) -> tuple[int, int]:
        """Whether ``me`` may run the route for a message, and for how long another has held the key (ms).

        The first ``own`` of ``KEY`` and ``FORMER`` are keys of the group itself.
        """
        keys = [STREAM, KEYS.retry, KEYS.delayed, KEY, FORMER]
        facts = (message or entry_id, "thank", where, entry_id, deliveries, own)
        code, waited = await self.run("settle/dedupe", keys, GROUP, ME, *facts)
        return code, waited

    async def written(self, key: str = KEY) -> str | None:
        """Return the key's value."""
        value = await self.client.get(key)
        return None if value is None else str(value.decode())


@pytest.fixture
async def group(redis_client: Redis) -> Asking:
    """A group in which ``me`` holds 1-0 and 2-0."""
    made = Asking(redis_client)
    await made.create_group(STREAM, KEYS.retry)
    await made.add("1-0", "2-0")
    await made.read()
    return made


class TestFence:
    """Only the consumer that holds the entry may run."""

    @pytest.mark.parametrize(
        ("consumer", "deliveries", "asked"), [(ME, 2, 1), (ME, 2, 3), (OTHER, 1, 1), (OTHER, 2, 1)]
    )
    async def test_a_lost_entry_gets_no_lock(
        self, group: Asking, consumer: str, deliveries: int, asked: int
    ) -> None:
        await group.hold("1-0", consumer, deliveries)
        assert await group.begin(deliveries=asked) == (LOST, 0)
        assert await group.written() is None

    async def test_a_settled_key_does_not_run(self, group: Asking) -> None:
        await group.client.xack(STREAM, GROUP, "1-0")
        assert await group.begin() == (LOST, 0)

    async def test_a_retry_is_held_in_the_retry_stream(self, group: Asking) -> None:
        assert await group.begin(where="retry") == (LOST, 0)
        await group.add("1-0", stream=KEYS.retry)
        await group.hold("1-0", ME, 2, stream=KEYS.retry)
        assert await group.begin(where="retry", deliveries=2) == (RUN, 0)
        assert await group.begin(deliveries=2) == (LOST, 0)


class TestTurns:
    """Which message runs next."""

    async def test_the_first_runs_and_is_noted(self, group: Asking) -> None:
        before = await group.now()
        assert await group.begin(message="0-7") == (RUN, 0)
        state, since, *rest = (await group.written() or "").split()
        assert (state, rest) == ("running", ["0-7", "thank", "entry", "1-0"])
        assert before <= int(since) <= await group.now()
        assert await group.written(FORMER) is None
        assert await group.client.pttl(KEY) == -1

    @pytest.mark.parametrize("key", [KEY, FORMER])
    @pytest.mark.parametrize("owner", ["1-0", "9-0"])
    async def test_a_completed_key_is_skipped_for_every_entry(
        self, group: Asking, key: str, owner: str
    ) -> None:
        done = f"done 7 {owner} thank entry {owner}"
        await group.client.set(key, done)
        assert await group.begin() == (SKIP, 0)
        assert await group.written(key) == done

    async def test_a_message_is_not_its_own_duplicate_and_keeps_the_time_when_it_began(
        self, group: Asking
    ) -> None:
        await group.client.set(KEY, "running 7 0-7 thank delayed 0-7|thank|2")
        await group.client.hset(KEYS.delayed, "0-7|thank|2", "alive")
        await group.client.set(FORMER, "running 5 1-0 greet entry 1-0")
        assert (await group.begin(message="0-7"))[0] == WAIT
        await group.client.delete(FORMER)
        assert await group.begin(message="0-7") == (RUN, 0)
        assert await group.written() == "running 7 0-7 thank entry 1-0"

    @pytest.mark.parametrize("value", ["", "nonsense", "running x 9-0 thank entry 2-0", "running 7 9-0"])
    async def test_a_value_that_cannot_be_read_counts_as_none(self, group: Asking, value: str) -> None:
        await group.client.set(KEY, value)
        assert await group.begin() == (RUN, 0)

    async def test_a_waiting_entry_learns_since_when_the_lock_is_held(self, group: Asking) -> None:
        since = await group.now() - 5_000
        await group.client.set(KEY, f"running {since} 2-0 thank entry 2-0")
        code, waited = await group.begin()
        assert code == WAIT
        assert 5_000 <= waited <= await group.now() - since
        await group.client.set(KEY, f"running {since + 60_000} 2-0 thank entry 2-0")
        assert await group.begin() == (WAIT, 0)  # the server's clock was set back

    async def test_the_former_names_of_a_route_count(self, group: Asking) -> None:
        await group.client.set(FORMER, "running 7 2-0 greet entry 2-0")
        assert (await group.begin())[0] == WAIT
        assert await group.written() is None

    async def test_workers_that_know_the_route_by_a_former_name_see_what_runs(self, group: Asking) -> None:
        assert await group.begin(own=2) == (RUN, 0)
        written = await group.written()
        assert written is not None
        assert written == await group.written(FORMER)


class TestOwners:
    """Whether a key's owner is still alive."""

    async def wait_for(self, group: Asking, place: str, entry_id: str) -> int:
        """Return another message's decision while 9-0 holds the key and is recorded at that place."""
        await group.client.set(KEY, f"running 7 9-0 thank {place} {entry_id}")
        code, _ = await group.begin()
        if code == RUN:
            assert (await group.written() or "").split()[2] == "1-0"
        return code

    async def test_a_pending_holder_is_waited_for(self, group: Asking) -> None:
        assert await self.wait_for(group, "entry", "2-0") == WAIT
        await group.client.xack(STREAM, GROUP, "2-0")
        assert await self.wait_for(group, "entry", "2-0") == RUN

    async def test_a_holder_pending_as_a_retry_is_waited_for(self, group: Asking) -> None:
        await group.add("5-0", "6-0", stream=KEYS.retry)
        await group.read(OTHER, 1, stream=KEYS.retry)
        assert await self.wait_for(group, "retry", "5-0") == WAIT
        assert await self.wait_for(group, "retry", "6-0") == RUN
        assert await self.wait_for(group, "retry", "2-0") == RUN
        assert await self.wait_for(group, "entry", "5-0") == RUN

    async def test_a_group_that_is_lost_holds_nothing(self, group: Asking) -> None:
        await group.client.xgroup_destroy(KEYS.retry, GROUP)
        assert await self.wait_for(group, "retry", "5-0") == RUN

    async def test_a_holder_whose_retry_is_delayed_is_waited_for(self, group: Asking) -> None:
        await group.client.hset(KEYS.delayed, "9-0|thank|2", "a retry")
        assert await self.wait_for(group, "delayed", "9-0|thank|2") == WAIT
        assert await self.wait_for(group, "delayed", "9-0|thank|3") == RUN

    async def test_a_holder_whose_retry_was_promoted_is_waited_for(self, group: Asking) -> None:
        for name in ("8-0|thank|2", "9-0|thank|2"):
            await group.add("*", stream=KEYS.retry, name=name, entry="a retry")
        assert await self.wait_for(group, "delayed", "9-0|thank|2") == WAIT
        assert await self.wait_for(group, "delayed", "9-0|thank|3") == RUN

    @pytest.mark.parametrize(("others", "reported"), [(999, RUN), (1_000, WAIT), (1_500, WAIT)])
    async def test_a_holder_hidden_behind_a_thousand_retries_is_waited_for(
        self, group: Asking, others: int, reported: int
    ) -> None:
        await group.client.eval(
            "for n = 1, tonumber(ARGV[1]) do redis.call('XADD', KEYS[1], '*', 'name', n, 'entry', '') end",
            *(1, KEYS.retry, others),
        )
        assert await self.wait_for(group, "delayed", "9-0|thank|2") == reported
