"""The index of failures counts the letters that there are, whatever writes, requeues and drops them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from backends import KEYS
from consuming import GROUP, STREAM
from messages import message_of
from streamroute.adapters.dead_letters.failure_index import FailureIndex, IndexReading, mark_group
from streamroute.adapters.dead_letters.group_tally import GroupTally
from streamroute.adapters.dead_letters.letter_group import OTHER, LetterGroup
from streamroute.adapters.dead_letters.letters import DeadLetters, StoredDeadLetter
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.entries.settlement import settlement
from streamroute.adapters.redis.connection import RedisConnection
from streamroute.adapters.redis.raw_client import raw_client
from streamroute.adapters.redis.scripts import script
from streamroute.adapters.urls.url import read_address
from streamroute.errors import SetupError
from streamroute.values import DeadLetter

OTHER_KEYS = KEYS._replace(failures=f"{KEYS.prefix}:other")


class Shop:
    """A group whose messages fail, with the tools of an operator."""

    def __init__(self, client: Any, url: str) -> None:
        self.client = client
        self.redis = RedisConnection(client, read_address(url, folder=Path()), url)
        self.letters = DeadLetters(self.redis, KEYS.dead)
        self.index = FailureIndex(self.redis, KEYS.dead, [KEYS])

    async def fail(self, *errors: str, limit: int = 1000) -> Any:
        """Settle one message whose routes fail with these errors."""
        await self.client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        entry_id = (await self.client.xadd(STREAM, {"n": "1"})).decode()
        await self.client.xreadgroup(GROUP, "me", {STREAM: ">"})
        letters = [DeadLetter("bill", "failed", error, error_class="E") for error in errors]
        facts: dict[str, Any] = {"id": entry_id, "stream": STREAM, "group": GROUP, "outcomes": letters}
        message = message_of({}, **facts, entry_id=entry_id, pending_key=STREAM, fields={b"n": b"1"})
        keys, arguments = settlement(KEYS, GROUP, "me", message)
        arguments = [limit if at == 9 else part for at, part in enumerate(arguments)]
        answer = await script("settle/settle").run(raw_client(self.client, STREAM), keys, arguments)
        await self.client.xgroup_destroy(STREAM, GROUP)
        return answer

    async def all(self) -> list[tuple[StoredDeadLetter, DeadRecord]]:
        pages = [page async for page in self.letters.pages_after("0-0")]
        return [(one, one.record) for page in pages for one in page if one.record is not None]

    async def groups(self) -> dict[str, LetterGroup]:
        """Return the groups of the index by their title."""
        return {group.title: group for group in (await self.index.read()).groups[KEYS.failures]}

    async def rebuild(self, limit: int = 1000) -> bool:
        tally, seen = GroupTally(limit), 0
        last = await self.letters.last_id()
        async for page in self.letters.pages_after("0-0"):
            for letter in page:
                tally.add(letter)
                seen += 1
        return await self.index.replace(seen, last, {KEYS.failures: tally.packed()})

    async def mark(self, signature: str, *, resolved: bool) -> bool:
        return await mark_group(self.redis, KEYS, signature, resolved=resolved, who="kim", reason="fixed")


@pytest.fixture
def shop(redis_client: Redis, redis_url: str) -> Shop:
    return Shop(redis_client, redis_url)


def counts(groups: dict[str, LetterGroup]) -> dict[str, int]:
    return {title: group.count for title, group in groups.items()}


async def test_letters_are_counted_as_they_are_written(shop: Shop) -> None:
    assert await shop.fail("E: order 1", "E: order 2", "E: no guest") == 1
    groups = await shop.groups()
    assert counts(groups) == {"E: order <n>": 2, "E: no guest": 1}
    group = groups["E: order <n>"]
    ids = [stored.id for stored, _ in await shop.all()]
    assert (group.state, group.route, group.error_class, group.total) == ("open", "bill", "E", 2)
    assert (group.samples, group.first) == (ids[:2], int(ids[0].partition("-")[0]))
    assert (group.minutes.counts, group.hours.counts) == ([2], [2])
    assert (await shop.index.read()).is_true


steps = st.lists(
    st.tuples(st.sampled_from(["fail", "drop", "requeue", "rebuild"]), st.integers(0, 5)), max_size=12
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
async def test_counts_are_those_of_a_scan(shop: Shop, done: list[tuple[str, int]]) -> None:
    await shop.client.flushall()
    for step, n in done:
        letters = await shop.all()
        if step == "fail":
            await shop.fail(f"E: {'abcdef'[n]}")
        elif step == "rebuild":
            assert await shop.rebuild()
        elif letters and step == "drop":
            assert await shop.letters.drop([letters[n % len(letters)]] * 2) == 1
        elif letters:
            assert await shop.letters.requeue([letters[n % len(letters)]]) == 1
    counted = {title: count for title, count in counts(await shop.groups()).items() if count}
    assert counted == Counter(record.kind.title for _, record in await shop.all())
    assert (await shop.index.read()).is_true


async def test_beyond_the_limit_letters_are_counted_together(shop: Shop) -> None:
    for name in "abcab":
        await shop.fail(f"E: {name}", limit=2)
    groups = await shop.groups()
    assert counts(groups) == {"E: a": 2, "E: b": 2, "failures beyond the limit of groups": 1}
    assert (await shop.index.read()).is_true
    [letter] = [letter for letter in await shop.all() if letter[1].error == "E: c"]
    await shop.letters.drop([letter])
    assert (await shop.index.read()).is_true
    await shop.rebuild(limit=1)
    assert {group.signature: group.count for group in (await shop.groups()).values()}[OTHER] == 2


async def test_a_resolved_group_that_gets_a_letter_came_back_once(shop: Shop) -> None:
    await shop.fail("E: a")
    [(_, record)] = await shop.all()
    assert await shop.mark(record.signature, resolved=True)
    assert (await shop.groups())["E: a"].state == "resolved"
    assert await shop.fail("E: a", "E: b") == [record.signature.encode(), b"returned"]
    assert await shop.fail("E: a") == 1
    group = (await shop.groups())["E: a"]
    assert (group.state, group.count) == ("came back", 3)
    assert group.resolved is not None
    assert (group.resolved.who, group.resolved.reason) == ("kim", "fixed")
    assert await shop.mark(record.signature, resolved=False)
    assert (await shop.groups())["E: a"].state == "open"
    assert not await shop.mark("unknown", resolved=True)


async def test_what_was_resolved_stays_so_when_the_index_is_rebuilt(shop: Shop) -> None:
    await shop.fail("E: a", "E: b")
    letters = await shop.all()
    for _, record in letters:
        await shop.mark(record.signature, resolved=True)
    await shop.letters.drop(letters[:1])
    assert await shop.rebuild()
    groups = await shop.groups()
    assert {title: (group.count, group.state) for title, group in groups.items()} == {
        "E: a": (0, "resolved"), "E: b": (1, "resolved"),
    }  # fmt: skip


async def test_letters_that_change_meanwhile_are_not_counted_wrongly(shop: Shop) -> None:
    await shop.fail("E: a")
    last = await shop.letters.last_id()
    await shop.fail("E: b")
    assert not await shop.index.replace(1, last, {KEYS.failures: {}})
    assert not await shop.index.replace(2, last, {KEYS.failures: {}})
    assert (await shop.index.read()).is_true


@pytest.mark.parametrize(
    "damage",
    [b"", b"\xff", b"[]", b"7", b'{"count": "many"}', b'{"count": 1e999}', b"[" * 5000, b"x" * 70_000,
     b'{"count": 1, "minutes": {"at": {}, "n": [[]]}, "samples": 7, "total": []}'],
)  # fmt: skip
async def test_a_damaged_group_is_replaced_by_the_next_letter(shop: Shop, damage: bytes) -> None:
    await shop.fail("E: a")
    [(_, record)] = await shop.all()
    await shop.client.hset(KEYS.failures, record.signature, damage)
    assert not (await shop.index.read()).is_true
    assert await shop.fail("E: a") == 1
    assert (await shop.groups())["E: a"].count in (1, 2)


async def test_an_index_of_another_type_costs_no_letter(shop: Shop) -> None:
    await shop.client.lpush(KEYS.failures, "a list")
    [_, reason] = await shop.fail("E: a")
    assert b"WRONGTYPE" in reason
    reading = await shop.index.read()
    assert (reading.letters, reading.groups) == (1, {})
    [problem] = reading.problems
    assert "WRONGTYPE" in problem
    with pytest.raises(SetupError):
        await shop.rebuild()
    assert await shop.letters.drop(list(await shop.all())) == 1


async def test_a_huge_index_is_not_read(shop: Shop) -> None:
    await shop.client.hset(KEYS.failures, mapping={str(n): "{}" for n in range(2011)})
    assert (await shop.index.read()).problems == [f"{KEYS.failures}: it has 2011 fields"]


async def test_indexes_of_groups_that_share_a_stream_are_read_together(shop: Shop) -> None:
    await shop.fail("E: a")
    shared = FailureIndex(shop.redis, KEYS.dead, [KEYS, OTHER_KEYS])
    assert await shared.read() == IndexReading(
        1, {KEYS.failures: [(await shop.groups())["E: a"]], OTHER_KEYS.failures: []}, []
    )


def test_a_group_without_its_facts_is_damaged() -> None:
    good = {"count": 1, "first": 1, "last": 2}
    assert LetterGroup.unpack("s", json.dumps(good).encode()) is not None
    for name in good:
        damaged = {key: value for key, value in good.items() if key != name}
        assert LetterGroup.unpack("s", json.dumps(damaged).encode()) is None


async def test_only_letters_that_may_have_a_signature_are_parsed(shop: Shop) -> None:
    """A text that looks like a signature is none; a letter of an earlier release has none."""
    await shop.fail("E: a", 'E: "signature": "0123456789"', "E: b")
    [(_, wanted), (_, quoting), (_, other)] = await shop.all()
    old = {**other.write()}
    facts = json.loads(old[b"_streamroute"])
    del facts["signature"]
    await shop.client.xadd(KEYS.dead, {**old, b"_streamroute": json.dumps(facts)})
    for signatures, parsed in (
        ([wanted.signature], [True, False, False, True]),
        ([quoting.signature, other.signature], [False, True, True, True]),
        (["0123456789"], [False, False, False, True]),
        ([], [True] * 4),
    ):
        pages = shop.letters.pages(since=0, until=10**15, signatures=signatures)
        letters = [letter async for page in pages for letter in page]
        assert [letter.record is not None for letter in letters] == parsed
        assert [not letter.is_skipped for letter in letters] == parsed
