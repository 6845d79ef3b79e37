"""A tally counts each route's messages: the feed's apart from leftovers, in bounded memory."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from streamroute.core.observer import Result
from streamroute.incidents import Incident, Incidents
from streamroute.message import Message
from streamroute.ops.metrics.counters import LOST, NO_ROUTE, OTHER_ROUTES, UNDECODABLE, UNLISTED, Row, Tally


def message(entry_id: str = "5-0", *, attempt: int = 1, stream: str = "s") -> Message:
    return Message({"type": "t"}, id=entry_id, stream=stream, attempt=attempt)


def test_each_result_is_counted_where_it_belongs() -> None:
    tally = Tally({"s": ("a", "b")})
    ends = (Result.SUCCEEDED, Result.DEAD, Result.RETRIED, Result.SKIPPED)
    for result in (*ends, Result.FILTERED, Result.FAILED):
        tally.observe(message(), "a", result)
    counts = Row(5, succeeded=1, failed=1, retried=1, skipped=1)
    assert list(tally.rows(tally.leftover)) == [("s", "a", counts), ("s", "b", Row())]
    assert tally.failed == 1


def test_a_message_that_was_retried_was_matched_once() -> None:
    tally = Tally({"s": ("a",)})
    tally.observe(message(), "a", Result.RETRIED)
    tally.observe(message(attempt=2), "a", Result.RETRIED)
    tally.observe(message(attempt=3), "a", Result.SUCCEEDED)
    assert tally.leftover == {("s", "a"): Row(1, 1, 0, retried=2)}


def test_a_message_that_waited_for_its_key_was_matched_once() -> None:
    tally = Tally({"s": ("a",)})
    for result in (Result.POSTPONED, Result.POSTPONED, Result.SUCCEEDED):
        tally.observe(message(), "a", result)
    assert tally.leftover == {("s", "a"): Row(1, 1, postponed=2)}


def test_the_feed_begins_after_its_mark() -> None:
    """Ids order as numbers, not as text, and each stream has its own mark."""
    tally = Tally({"s": ("a",), "other": ("a",)}, marks={"s": "9-9"})
    for entry_id in ("9-9", "8-10", "9-10", "10-0"):
        tally.observe(message(entry_id), "a", Result.SUCCEEDED)
    tally.observe(message("10-0", stream="other"), "a", Result.SUCCEEDED)
    assert tally.fed == {("s", "a"): Row(2, 2, 0)}
    assert tally.leftover == {("s", "a"): Row(2, 2, 0), ("other", "a"): Row(1, 1, 0)}


def test_what_failed_without_a_route_has_a_row_behind_the_routes() -> None:
    tally = Tally({"s": ("a",)})
    tally.observe(message(), None, Result.DEAD)
    assert list(tally.rows(tally.leftover)) == [("s", "a", Row()), ("s", NO_ROUTE, Row(0, 0, 1))]


def test_entries_that_went_to_another_worker_are_counted_apart() -> None:
    tally = Tally({"s": ("a",)})
    tally.observe(message(), None, Result.LOST)
    assert (tally.happened, tally.leftover) == ({("s", LOST): 1}, {})


def test_what_befalls_a_stream_is_counted_by_stream() -> None:
    tally = Tally({"s": ("a",), "other": ("a",)})
    tally.watch("s", Incident.DELETED, 3)
    tally.watch("other", Incident.DELETED, 1)
    tally.observe(message(), None, Result.UNKNOWN)
    tally.observe(Message({}, stream="s", fault="no JSON"), None, Result.DEAD)
    assert tally.count(Incident.DELETED) == 4
    assert tally.happened == {
        ("s", "deleted"): 3,
        ("other", "deleted"): 1,
        ("s", UNLISTED): 1,
        ("s", UNDECODABLE): 1,
    }


def test_what_is_told_from_several_threads_is_all_counted() -> None:
    """Heartbeats have a thread of their own."""
    tally = Tally({})
    incidents = Incidents(tally.watch)

    def tell() -> None:
        for _ in range(2000):
            incidents.tell(Incident.CLAIMED, "s", "one of %s", "s")

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(tell) for _ in range(4)]:
            done.result()
    assert tally.happened == {("s", "claimed"): 8000}


def test_types_that_nobody_lists_are_counted_in_bounded_memory() -> None:
    tally = Tally({})
    for n in range(3000):
        tally.observe(Message({"type": f"{n:05}" + "x" * 1000}), None, Result.UNKNOWN)
    tally.observe(Message({"type": "00000" + "x" * 2000}), None, Result.UNKNOWN)
    assert tally.unlisted.messages == 3001
    assert len(tally.unlisted.types) == 1000
    assert tally.unlisted.has_more
    [(name, count)] = tally.unlisted.types.most_common(1)
    assert (len(name), count) == (100, 2)


def test_routes_that_are_not_configured_are_counted_in_bounded_memory() -> None:
    """A retry that comes back through the stream may name any."""
    tally = Tally({"s": ("a", "b")})
    for n in range(3000):
        tally.observe(message(), f"{n:05}" + "x" * 10_000, Result.DEAD)
        tally.observe(message(), "a", Result.SUCCEEDED)
    rows = {route: row for _, route, row in tally.rows(tally.leftover)}
    assert len(rows) <= 2 + 100 + 2
    assert max(map(len, rows)) <= 200
    assert (rows["a"].succeeded, rows["b"]) == (3000, Row())
    assert sum(row.failed for row in rows.values()) == 3000
    assert rows[OTHER_ROUTES].failed > 2800


@given(st.text(max_size=40), st.sampled_from(Result), st.none() | st.text())
def test_it_never_raises_whatever_an_id_looks_like(entry_id: str, result: Result, route: str | None) -> None:
    tally = Tally({"s": ()}, marks={"s": "5-5"})
    tally.observe(message(entry_id), route, result)
    tally.observe({"type": entry_id}, route, result)


def test_tallies_of_several_workers_are_one() -> None:
    """``from_dict`` takes what ``as_dict`` gives, through JSON."""
    parts, whole = [Tally({"s": ("r",)}) for _ in range(3)], Tally({"s": ("r",)})
    for part in [*parts, whole]:
        count = 3 if part is whole else 1
        for _ in range(count):
            part.observe(Message({}, stream="s"), "r", Result.SUCCEEDED)
            part.observe(Message({}, stream="s", attempt=2), "r", Result.DEAD)
            part.observe({"type": "other"}, None, Result.UNKNOWN)
            part.observe({}, None, Result.LOST)
            part.observe(Message({}, stream="s"), "r", Result.RETRIED)
            part.observe(Message({}, stream="s"), "r", Result.POSTPONED)
            part.observe(Message({}, stream="s"), "r", Result.SKIPPED)
            part.watch("s", Incident.CLAIMED, 5)
    merged = Tally({"s": ("r",)})
    for part in parts:
        merged.add(Tally.from_dict(json.loads(json.dumps(part.as_dict()))))
    assert merged == whole


def test_types_of_several_workers_are_counted_in_bounded_memory() -> None:
    merged = Tally({})
    for worker in range(3):
        part = Tally({})
        for n in range(600):
            part.observe(Message({"type": f"{worker * 300 + n}"}), None, Result.UNKNOWN)
        merged.add(part)
    assert merged.unlisted.messages == 1800
    assert len(merged.unlisted.types) == 1000
    assert merged.unlisted.types["300"] == 2
