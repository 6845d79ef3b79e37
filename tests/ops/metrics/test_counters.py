"""Counters count each route's messages, the feed's apart from the backlog's, in bounded memory."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from streamroute.core.observer import NO_TALLY, Result, alike_counter, ignore_result
from streamroute.incidents import Incident, Incidents
from streamroute.message import Message
from streamroute.ops.metrics.counters import NO_ROUTE, OTHER_ROUTES, Counters
from streamroute.ops.metrics.declarations import LEASE_LOST, ROUTE_METRICS, UNDECODABLE, UNLISTED
from streamroute.ops.metrics.route_counts import RouteCounts


def message(entry_id: str = "5-0", *, attempt: int = 1, stream: str = "s") -> Message:
    return Message({"type": "t"}, id=entry_id, stream=stream, attempt=attempt)


def counts(**of_route: int) -> RouteCounts:
    """Return the counts of a route: all keys, the others 0."""
    return {metric.key: of_route.get(metric.key, 0) for metric in ROUTE_METRICS}


def test_each_result_is_counted_under_its_route() -> None:
    counters = Counters({"s": ("a", "b")})
    ends = (Result.SUCCEEDED, Result.DEAD, Result.RETRIED, Result.SKIPPED)
    for result in (*ends, Result.FILTERED, Result.FAILED):
        counters.observe(message(), "a", result)
    expected = counts(matched=5, succeeded=1, dead=1, retried=1, skipped=1, filtered=1)
    assert list(counters.rows(counters.backlog)) == [("s", "a", expected), ("s", "b", counts())]
    assert counters.failed == 1


def test_a_message_that_was_retried_was_matched_once() -> None:
    counters = Counters({"s": ("a",)})
    counters.observe(message(), "a", Result.RETRIED)
    counters.observe(message(attempt=2), "a", Result.RETRIED)
    counters.observe(message(attempt=3), "a", Result.SUCCEEDED)
    assert counters.backlog == {("s", "a"): counts(matched=1, succeeded=1, retried=2)}


def test_a_message_that_waited_for_its_key_was_matched_once() -> None:
    counters = Counters({"s": ("a",)})
    for result in (Result.POSTPONED, Result.POSTPONED, Result.SUCCEEDED):
        counters.observe(message(), "a", result)
    assert counters.backlog == {("s", "a"): counts(matched=1, succeeded=1, postponed=2)}


def test_the_feed_begins_after_its_mark() -> None:
    """Ids are ordered as numbers, not as text, and each stream has its own mark."""
    counters = Counters({"s": ("a",), "other": ("a",)}, feed_start_ids={"s": "9-9"})
    for entry_id in ("9-9", "8-10", "9-10", "10-0"):
        counters.observe(message(entry_id), "a", Result.SUCCEEDED)
    counters.observe(message("10-0", stream="other"), "a", Result.SUCCEEDED)
    assert counters.feed == {("s", "a"): counts(matched=2, succeeded=2)}
    assert counters.backlog == {
        ("s", "a"): counts(matched=2, succeeded=2),
        ("other", "a"): counts(matched=1, succeeded=1),
    }


def test_failures_without_a_route_have_a_row_after_the_routes() -> None:
    counters = Counters({"s": ("a",)})
    counters.observe(message(), None, Result.DEAD)
    assert list(counters.rows(counters.backlog)) == [
        ("s", "a", counts()),
        ("s", NO_ROUTE, counts(dead=1)),
    ]


def test_entries_that_went_to_another_worker_are_counted_apart() -> None:
    counters = Counters({"s": ("a",)})
    counters.observe(message(), None, Result.LOST)
    assert (counters.events, counters.backlog) == ({("s", LEASE_LOST): 1}, {})


def test_stream_events_are_counted_by_stream() -> None:
    counters = Counters({"s": ("a",), "other": ("a",)})
    counters.count_event("s", Incident.DELETED, 3)
    counters.count_event("other", Incident.DELETED, 1)
    counters.observe(message(), None, Result.UNKNOWN)
    counters.observe(Message({}, stream="s", decode_error="no JSON"), None, Result.DEAD)
    assert counters.event_total(Incident.DELETED) == 4
    assert counters.events == {
        ("s", "deleted"): 3,
        ("other", "deleted"): 1,
        ("s", UNLISTED): 1,
        ("s", UNDECODABLE): 1,
    }


def test_incidents_from_several_threads_are_all_counted() -> None:
    """Heartbeats run in a separate thread."""
    counters = Counters({})
    incidents = Incidents(counters.count_event)

    def tell() -> None:
        for _ in range(2000):
            incidents.report(Incident.CLAIMED, "s", "one of %s", "s")

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(tell) for _ in range(4)]:
            done.result()
    assert counters.events == {("s", "claimed"): 8000}


def test_unlisted_types_are_counted_in_bounded_memory() -> None:
    counters = Counters({})
    for n in range(3000):
        counters.observe(Message({"type": f"{n:05}" + "x" * 1000}), None, Result.UNKNOWN)
    counters.observe(Message({"type": "00000" + "x" * 2000}), None, Result.UNKNOWN)
    assert counters.unlisted.messages == 3001
    assert len(counters.unlisted.types) == 1000
    assert counters.unlisted.has_more
    [(name, count)] = counters.unlisted.types.most_common(1)
    assert (len(name), count) == (100, 2)


def test_routes_that_are_not_configured_are_counted_in_bounded_memory() -> None:
    """A retry that returns through the stream may name any route."""
    counters = Counters({"s": ("a", "b")})
    for n in range(3000):
        counters.observe(message(), f"{n:05}" + "x" * 10_000, Result.DEAD)
        counters.observe(message(), "a", Result.SUCCEEDED)
    rows = {route: row for _, route, row in counters.rows(counters.backlog)}
    assert len(rows) <= 2 + 100 + 2
    assert max(map(len, rows)) <= 200
    assert (rows["a"]["succeeded"], rows["b"]) == (3000, counts())
    assert sum(row["dead"] for row in rows.values()) == 3000
    assert rows[OTHER_ROUTES]["dead"] > 2800


@given(st.text(max_size=40), st.sampled_from(Result), st.none() | st.text())
def test_counting_never_raises_for_any_id(entry_id: str, result: Result, route: str | None) -> None:
    counters = Counters({"s": ()}, feed_start_ids={"s": "5-5"})
    counters.observe(message(entry_id), route, result)
    counters.observe({"type": entry_id}, route, result)
    assert Counters.from_dict(counters.as_dict()).as_dict() == counters.as_dict()


def test_messages_in_a_tally_are_part_of_every_sum() -> None:
    counters = Counters({"s": ("a", "b")})
    assert counters.tally("s", "a") is NO_TALLY, "a row is added by the first message"
    for result in (Result.SUCCEEDED, Result.RETRIED):
        counters.observe(message(), "a", result)
    tally = counters.tally("s", "a")
    tally.succeeded, tally.filtered = 3, 2
    assert tally is counters.tally("s", "a")
    expected = counts(matched=5, succeeded=4, retried=1, filtered=2)
    assert counters.backlog == {("s", "a"): expected}
    assert counters.route_counts("s", "a") == expected
    assert Counters.from_dict(counters.as_dict()).route_counts("s", "a") == expected
    total = Counters({"s": ("a",)})
    total.add(counters)
    assert total.backlog == {("s", "a"): expected}
    counters.use_routes({"s": ("b",)})
    assert tally.is_open, "the row of a route stays, whatever is configured"
    assert counters.backlog == {("s", "a"): expected}


def test_shadows_of_several_workers_are_added() -> None:
    total = Counters({"s": ("a",)})
    for times in (1, 2):
        part = Counters({"s": ("a",)})
        for _ in range(times):
            part.observe(Message({}, stream="s"), "shade", Result.SHADOW_FILTER_ERROR)
        total.add(Counters.from_dict(json.loads(json.dumps(part.as_dict()))))
    assert total.shadows["s", "shade"]["filter_error"] == 3
    assert total.backlog == {}


def test_counters_of_several_workers_are_added() -> None:
    """``from_dict`` accepts the result of ``as_dict``, through JSON."""
    parts, whole = [Counters({"s": ("r",)}) for _ in range(3)], Counters({"s": ("r",)})
    for part in [*parts, whole]:
        count = 3 if part is whole else 1
        for _ in range(count):
            part.observe(Message({}, stream="s"), "r", Result.SUCCEEDED)
            part.observe(Message({}, stream="s", attempt=2), "r", Result.DEAD)
            part.observe({"type": "other"}, None, Result.UNKNOWN)
            part.observe({}, None, Result.LOST)
            part.observe(Message({}, stream="s"), "r", Result.RETRIED)
            part.observe(Message({}, stream="s"), "r", Result.POSTPONED)
            part.observe(Message({}, stream="s"), "r", Result.PARKED)
            part.observe(Message({}, stream="s"), "r", Result.SKIPPED)
            part.observe(Message({}, stream="s"), "r", Result.FILTERED)
            part.count_event("s", Incident.CLAIMED, 5)
    merged = Counters({"s": ("r",)})
    for part in parts:
        merged.add(Counters.from_dict(json.loads(json.dumps(part.as_dict()))))
    assert (merged, merged.backlog) == (whole, whole.backlog)


def test_types_of_several_workers_are_counted_in_bounded_memory() -> None:
    merged = Counters({})
    for worker in range(3):
        part = Counters({})
        for n in range(600):
            part.observe(Message({"type": f"{worker * 300 + n}"}), None, Result.UNKNOWN)
        merged.add(part)
    assert merged.unlisted.messages == 1800
    assert len(merged.unlisted.types) == 1000
    assert merged.unlisted.types["300"] == 2


def test_messages_that_were_not_seen_are_counted_as_if_they_were() -> None:
    seen, unseen = (Counters({"s": ("a",)}) for _ in range(2))
    for route in ("a", "b"):
        for _ in range(3):
            seen.observe(message(), route, Result.FILTERED)
        unseen.count_alike("s", "t", route, Result.FILTERED, 3)
    seen.observe(message(), None, Result.UNKNOWN)
    unseen.count_alike("s", "t", None, Result.UNKNOWN, 1)
    assert unseen.as_dict() == seen.as_dict()
    seen.observe(message(), "a", Result.FILTERED)
    unseen.observe(message(), "a", Result.FILTERED)
    assert unseen.as_dict() == seen.as_dict()


def test_messages_of_a_feed_have_to_be_seen() -> None:
    counters = Counters({"s": ("a",)})
    assert alike_counter(counters.observe) is counters
    counters.begin_feed("s", "5-0")
    assert alike_counter(counters.observe) is None
    assert alike_counter(lambda _payload, _route, _result: None) is None


def test_nothing_is_counted_for_an_observer_that_ignores_all() -> None:
    ignoring = alike_counter(ignore_result)
    assert ignoring is not None
    ignoring.count_alike("s", "t", None, Result.UNKNOWN, 1)
