"""Entries with equal keys start one after the other, in order; all others run concurrently."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consuming import eventually, within_patience
from misbehaving import ALL, Unspeakable
from streamroute.core.consume.pool.key_ordering import KeyedQueue
from streamroute.core.consume.pool.worker_pool import Entry, WorkerPool

_CLAIMED = 1000  # claimed entries have ids from here on
_TURNS = 1000  # event loop iterations; more than the longest example takes (80 entries, a few each)
KEYS = st.sampled_from(["a", "b", "c", None])


def key_of(payload: dict[str, Any]) -> str | None:
    """Return the key that a test put into the payload."""
    key: str | None = payload["key"]
    return key


def entries(keys: Sequence[str | None], start: int = 0) -> list[Entry]:
    """Return entries with these keys; their ids are ascending numbers."""
    return [(str(number), {"key": key}) for number, key in enumerate(keys, start)]


def refuse(payload: dict[str, Any]) -> Any:
    """A user's key function that raises."""
    made = ALL.get(payload["key"])
    if made is not None:
        raise made()
    return payload["key"]


def test_a_key_that_cannot_be_computed_is_none_and_others_are_kept() -> None:
    """If it raised, reading would stop."""
    order = KeyedQueue(refuse)
    odd: list[Any] = [*ALL, [], Unspeakable()]
    entries: list[Entry] = [(str(number), {"key": key}) for number, key in enumerate(odd)]
    assert order.admit(entries, first=False) == entries
    both: list[Entry] = [("a1", {"key": "a"}), ("a2", {"key": "a"})]
    assert order.admit(both, first=False) == both[:1]


class Handlers:
    """Handlers that wait for an iteration or two, and a record of their runs."""

    def __init__(self, turns: list[int]) -> None:
        self.turns = turns
        self.started: dict[str | None, list[int]] = defaultdict(list)
        self.running: Counter[str | None] = Counter()
        self.done: list[int] = []

    async def handle(self, entry_id: str, payload: dict[str, Any]) -> None:
        key, number = payload["key"], int(entry_id)
        self.started[key].append(number)
        self.running[key] += 1
        assert key is None or self.running[key] == 1, "two entries with one key ran at once"
        try:
            for _ in range(self.turns[number % len(self.turns)]):
                await asyncio.sleep(0)
        finally:
            self.running[key] -= 1
        self.done.append(number)


async def within_turns(condition: Callable[[], Any]) -> None:
    """Wait for a condition within a limited number of loop iterations.

    These handlers wait for iterations, never for time, so a condition that is not met by then never will be.
    A failing example thus fails at once, and hypothesis needs no minutes to shrink it.
    """
    for _ in range(_TURNS):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError(f"waited for {_TURNS} turns of the event loop")


async def close(pool: WorkerPool) -> None:
    """Close the pool within a limited number of iterations."""
    closing = asyncio.create_task(pool.close(grace=0))
    await within_turns(closing.done)
    await closing


@given(
    st.lists(st.lists(KEYS, max_size=12), max_size=6),
    st.integers(1, 5),
    st.lists(st.integers(0, 4), min_size=1, max_size=7),
)
def test_equal_keys_run_one_at_a_time_and_in_the_order_in_which_they_were_read(
    batches: list[list[str | None]], concurrency: int, turns: list[int]
) -> None:
    """For all reads, pool sizes and durations; every entry runs once."""

    async def play() -> Handlers:
        handlers, read = Handlers(turns), 0
        pool = WorkerPool(concurrency, handlers.handle, KeyedQueue(key_of))
        pool.open()
        for keys in batches:
            pool.put(entries(keys, read))
            read += len(keys)
            await asyncio.sleep(0)
        await within_turns(lambda: len(handlers.done) == read)
        await close(pool)
        return handlers

    seen = asyncio.run(play())
    for key, started in seen.started.items():
        assert key is None or started == sorted(started)
    assert sorted(seen.done) == list(range(sum(map(len, batches))))


@settings(deadline=None)  # a busy machine stalls for longer than the default
@given(
    st.lists(st.lists(KEYS, max_size=8), max_size=6),
    st.integers(1, 5),
    st.lists(st.integers(0, 4), min_size=1, max_size=7),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40), st.booleans()), max_size=8),
)
def test_lost_and_claimed_entries_keep_the_order_of_the_others(
    batches: list[list[str | None]],
    concurrency: int,
    turns: list[int],
    faults: list[tuple[int, int, bool]],
) -> None:
    """Leases lost and claims at any moment: equal keys still run one at a time, and none waits forever.

    After each read some entries are lost to another worker, and some claimed ones are put at the front.
    """

    async def play() -> tuple[Handlers, set[int], set[int]]:
        handlers = Handlers(turns)
        fresh: set[int] = set()
        others: set[int] = set()
        pool = WorkerPool(concurrency, handlers.handle, KeyedQueue(key_of))
        pool.open()
        for number, keys in enumerate(batches):
            pool.put(entries(keys, len(fresh)))
            fresh.update(range(len(fresh), len(fresh) + len(keys)))
            for _, which, is_claim in [fault for fault in faults if fault[0] == number]:
                if is_claim:
                    pool.put(entries(["a"], _CLAIMED + len(others)), first=True)
                    others.add(_CLAIMED + len(others))
                else:
                    pool.drop(str(which))
                    lost.add(which)
            await asyncio.sleep(0)
        await within_turns(lambda: fresh | others <= {*handlers.done, *lost})
        await close(pool)
        return handlers, fresh, others

    lost: set[int] = set()
    handlers, fresh, others = asyncio.run(play())
    assert len(handlers.done) == len(set(handlers.done))
    assert set(handlers.done) <= fresh | others
    for key, started in handlers.started.items():
        own = [number for number in started if number < _CLAIMED]
        assert key is None or own == sorted(own)


async def test_one_hot_key_does_not_occupy_the_other_workers() -> None:
    """A hundred entries of one key wait in its queue while one of them runs."""
    running = set()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        running.add(entry_id)
        await asyncio.Event().wait()

    pool = WorkerPool(4, handle, KeyedQueue(key_of))
    pool.open()
    pool.put(entries(["hot"] * 100 + ["a", "b", "c"]))
    await eventually(lambda: running == {"0", "100", "101", "102"})
    assert pool.queued == 0
    await within_patience(pool.close(grace=0))


async def test_reading_stops_while_thousands_wait_for_their_keys() -> None:
    """They occupy no worker, but memory."""
    pool = WorkerPool(1, Handlers([0]).handle, KeyedQueue(key_of))
    pool.put(entries(["hot"] * 6000))
    reader = asyncio.create_task(pool.room(10))
    await asyncio.sleep(0)
    assert not reader.done()
    pool.open()
    await within_patience(reader)
    await within_patience(pool.close(grace=0))


async def test_an_entry_that_is_lost_lets_the_next_with_its_key_start() -> None:
    """Queued, waiting or running: however the entry is removed, its key is free."""
    handlers, first = Handlers([1]), asyncio.Event()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        if entry_id == "0":
            await first.wait()
        await handlers.handle(entry_id, payload)

    pool = WorkerPool(1, handle, KeyedQueue(key_of))
    pool.put(entries(["a", "a", "a", "b", "b"]))
    pool.open()
    await asyncio.sleep(0)
    pool.drop("1")  # waiting
    pool.drop("3")  # queued
    pool.drop("0")  # running
    await eventually(lambda: sorted(handlers.done) == [2, 4])
    await within_patience(pool.close(grace=0))


async def test_clearing_returns_the_waiting_entries() -> None:
    """A drain releases it to other workers."""
    pool = WorkerPool(1, Handlers([0]).handle, KeyedQueue(key_of))
    pool.put(entries(["a", "a", "b"]))
    assert sorted(pool.clear()) == ["0", "1", "2"]


def test_later_claims_wait_behind_earlier_ones() -> None:
    order = KeyedQueue(key_of)
    order.admit(entries(["a", "a"]), first=False)
    order.admit(entries(["a", "a"], 10), first=True)
    assert order.complete("0") == entries(["a"], 10)[0]
    order.admit(entries(["a", "a"], 20), first=True)
    order.discard("20")
    order.admit(entries(["a"], 30), first=True)
    following = [order.complete(entry_id) for entry_id in ("10", "11", "21", "30", "1")]
    assert [entry and entry[0] for entry in following] == ["11", "21", "30", "1", None]


def test_claimed_entries_wait_at_the_head_of_their_key() -> None:
    """They are older than the entries read."""
    order = KeyedQueue(key_of)
    assert order.admit(entries(["a", "a"]), first=False) == entries(["a"])
    assert order.admit(entries(["a", "a"], 10), first=True) == []
    following = [order.complete(entry_id) for entry_id in ("0", "10", "11", "1")]
    assert [entry and entry[0] for entry in following] == ["10", "11", "1", None]
    assert order.waiting == 0


def name_of(entry: Entry | None) -> str | None:
    return entry and entry[0]


def test_an_unstarted_entry_waits_behind_an_exclusive_one_with_its_key() -> None:
    """It also stays before entries that already wait and before later claims, because it is older."""
    order = KeyedQueue(key_of)
    ready = deque(order.admit(entries(["a", "a", "b"]), first=False))
    order.admit(entries(["a"], 10), first=True)
    order.acquire(("alone", {"key": "a"}), ready)
    assert list(ready) == entries(["b"], 2)
    assert (order.waiting, order.waiting_ids()) == (3, ["0", "10", "1"])
    order.admit(entries(["a"], 20), first=True)
    following = [order.complete(name) for name in ("alone", "0", "10", "20", "1", "2")]
    assert list(map(name_of, following)) == ["0", "10", "20", "1", None, None]
    assert order.waiting == 0
    assert order.admit(entries(["a"], 30), first=False) == entries(["a"], 30), "the key is free again"


def test_a_claimed_entry_is_alone_at_the_head_of_its_key() -> None:
    order = KeyedQueue(key_of)
    ready = deque(order.admit(entries(["a", "a", "a"]), first=False))
    order.acquire(("alone", {"key": "a"}), ready)
    order.admit(entries(["a"], 10), first=True)
    assert order.waiting_ids() == ["0", "10", "1", "2"]
    order.discard("0")
    assert order.complete("0") is None, "it has its key no longer, and frees it for nobody"
    assert order.waiting_ids() == ["10", "1", "2"]


@pytest.mark.parametrize("made", [list, Unspeakable])
def test_an_unhashable_key_counts_as_no_key(made: Callable[[], Any]) -> None:
    order = KeyedQueue(lambda _payload: made())
    assert order.admit(entries(["a", "a"]), first=False) == entries(["a", "a"])
    order.acquire(("alone", {"key": "a"}), deque())
    assert (order.waiting, order.complete("alone")) == (0, None)


def test_an_exclusive_entry_without_a_key_displaces_nothing() -> None:
    order = KeyedQueue(key_of)
    ready = deque(order.admit(entries(["a"]), first=False))
    order.acquire(("alone", {"key": None}), ready)
    assert (len(ready), order.waiting, order.complete("alone")) == (1, 0, None)
    order.acquire(("other", {"key": "b"}), ready)
    assert (len(ready), order.waiting) == (1, 0)
    assert order.admit(entries(["b"], 10), first=False) == [], "its key is taken until it ends"
    assert name_of(order.complete("other")) == "10"


def test_when_the_head_leaves_later_claims_move_up() -> None:
    """Whether the head starts or is lost: claimed entries stay together, before entries read."""
    order = KeyedQueue(key_of)
    order.admit(entries(["a", "a"]), first=False)
    order.admit(entries(["a", "a", "a"], 10), first=True)
    order.discard("11")
    order.discard("1")  # read, not claimed: the number of claimed ones at the front does not change
    order.admit(entries(["a"], 1), first=False)
    order.admit(entries(["a"], 20), first=True)
    assert (order.waiting, order.waiting_ids()) == (4, ["10", "12", "20", "1"])
    assert name_of(order.complete("0")) == "10"
    order.discard("12")
    order.discard("unknown")
    order.admit(entries(["a"], 30), first=True)
    following = [order.complete(name) for name in ("10", "20", "30", "1")]
    assert list(map(name_of, following)) == ["20", "30", "1", None]
    order.admit(entries(["a", "a", "a"], 40), first=False)
    order.admit(entries(["a"], 50), first=True)
    assert order.waiting_ids() == ["50", "41", "42"]


def test_keys_of_running_entries_stay_taken_when_none_wait() -> None:
    order = KeyedQueue(key_of)
    order.admit(entries(["a", "a", "b"]), first=False)
    order.admit(entries(["a"], 10), first=True)
    assert sorted(name for name, _ in order.clear()) == ["1", "10"]
    assert (order.waiting, order.waiting_ids()) == (0, [])
    assert order.admit(entries(["a", "a"], 20), first=False) == []
    order.admit(entries(["a"], 30), first=True)
    assert order.waiting_ids() == ["30", "20", "21"]
    assert name_of(order.complete("0")) == "30"


async def test_five_thousand_entries_may_wait_for_their_keys() -> None:
    proceed = asyncio.Event()

    async def handle(entry_id: str, payload: dict[str, Any]) -> None:
        await proceed.wait()

    pool = WorkerPool(1, handle, KeyedQueue(key_of))
    pool.open()
    pool.put(entries(["hot"] * 5_000))  # one of them does not wait for its key
    await within_patience(pool.room(10))
    pool.put(entries(["hot"], 5_000))
    reader = asyncio.create_task(pool.room(10))
    await asyncio.sleep(0)
    assert not reader.done()
    proceed.set()
    await within_patience(reader)
    await within_patience(pool.close(grace=0))
