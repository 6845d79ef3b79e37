"""RunQueue: which entry starts next, also while paused, and which ones wait for their key."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from streamroute.core.consume.pool.key_ordering import Entry, KeyedQueue
from streamroute.core.consume.pool.run_queue import RunQueue


def entries(names: Iterable[str]) -> list[Entry]:
    return [(name, {"key": name[0]}) for name in names]


def by_key() -> RunQueue:
    return RunQueue(KeyedQueue(lambda payload: payload["key"]))


def startable(queue: RunQueue) -> str:
    return " ".join(name for name, _ in queue.startable)


def start(queue: RunQueue) -> str:
    return queue.startable.popleft()[0]


def test_entries_put_first_start_before_the_rest_in_their_order() -> None:
    queue = RunQueue()
    queue.put(entries("ab"), first=False)
    queue.put(entries("cd"), first=True)
    queue.put(entries("e"), first=True)
    assert startable(queue) == "c d e a b"
    assert [start(queue) for _ in range(3)] == ["c", "d", "e"]
    queue.put(entries("f"), first=True)
    assert startable(queue) == "f a b"
    assert (queue.started, len(queue)) == (3, 3)


def test_while_it_is_paused_only_an_exclusive_entry_starts() -> None:
    queue = RunQueue()
    queue.put(entries("a"), first=False)
    queue.pause()
    assert (startable(queue), queue.has_exclusive) == ("", False)
    queue.put_exclusive(entries("x"))
    assert (startable(queue), queue.has_exclusive) == ("x", True)
    assert sorted(queue.ids()) == ["a", "x"]
    queue.resume()
    assert (startable(queue), queue.has_exclusive) == ("x a", False)


def test_entries_with_equal_keys_start_one_after_the_other() -> None:
    queue = by_key()
    queue.put(entries(["a1", "a2", "b1"]), first=False)
    assert (startable(queue), queue.waiting_for_key) == ("a1 b1", 1)
    assert start(queue) == "a1"
    assert queue.complete("a1")
    assert not queue.complete("unknown")
    assert (startable(queue), queue.waiting_for_key) == ("b1 a2", 0)


def test_an_exclusive_entry_goes_before_what_is_queued_with_its_key() -> None:
    queue = by_key()
    queue.put(entries(["a1", "b1"]), first=False)
    queue.pause()
    queue.put_exclusive(entries(["a2"]))
    queue.resume()
    assert startable(queue) == "a2 b1"
    assert queue.complete("a2")
    assert startable(queue).endswith("a1")


@pytest.mark.parametrize(("name", "could_start"), [("a1", True), ("a2", False), ("none", False)])
def test_discarded_entries_do_not_start(name: str, could_start: bool) -> None:
    queue = by_key()
    queue.put(entries(["a1", "a2"]), first=False)
    assert queue.discard(name) is could_start
    assert name not in queue.ids()


def test_clearing_gives_all_that_has_not_started() -> None:
    queue = by_key()
    queue.put(entries(["a1", "a2", "b1"]), first=False)
    queue.pause()
    queue.put_exclusive(entries(["c1"]))
    assert list(queue.clear()) == ["a1", "b1", "c1", "a2"]
    assert list(queue.ids()) == []
    assert queue.clear() == {}
