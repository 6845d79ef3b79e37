"""The status of a stream from the overview of its group, and its JSON form."""

from __future__ import annotations

import json
from typing import Any

from streamroute.adapters.overview.group_overview import ConsumerHolding, GroupOverview
from streamroute.adapters.snapshots.worker_snapshot import RouteActivity, RunningEntry, WorkerSnapshot
from streamroute.core.recording.histogram import LIMITS
from streamroute.ops.status.stream_status import Status, StreamStatus, stream_status

NOW = 1_800_000_000_000
QUICK = (0, 98, *(0 for _ in LIMITS[2:]), 2)


def status_of(**facts: Any) -> StreamStatus:
    return stream_status("events", "tests", "dead", GroupOverview(NOW, **facts))


def snapshot(*routes: RouteActivity, age: int = 0, **facts: Any) -> WorkerSnapshot:
    known: dict[str, Any] = {"window": 10.0, "buckets": LIMITS, "routes": routes, **facts}
    return WorkerSnapshot(NOW - age, **known)


def activity(name: str, durations: tuple[int, ...] = (), **recent: int) -> RouteActivity:
    return RouteActivity(name, recent, recent, durations)


def test_rates_and_durations_are_added_up_over_the_workers() -> None:
    one = snapshot(activity("a", QUICK, succeeded=100, dead=10), window=10.0)
    other = snapshot(activity("a", QUICK, succeeded=50, retried=50), activity("b", skipped=5), window=20.0)
    busy, idle = status_of(snapshots={"w1": one, "w2": other}).routes
    assert (busy.route, busy.rate, busy.failure_rate) == ("a", 11 + 5, 1 + 2.5)
    assert busy.recent == {"succeeded": 150, "dead": 10, "retried": 50}
    assert busy.p50 is not None
    assert LIMITS[0] < busy.p50 <= LIMITS[1]
    assert busy.p99 == LIMITS[-1]
    assert (idle.route, idle.rate, idle.p50) == ("b", 0, None)


def test_rates_of_an_old_snapshot_are_of_the_past() -> None:
    old = snapshot(activity("a", succeeded=5), age=60_000)
    assert status_of(snapshots={"w1": old}).routes == ()


def test_durations_in_other_buckets_are_left_out() -> None:
    other = snapshot(activity("a", (1, 2), succeeded=3), buckets=(1.0,))
    assert status_of(snapshots={"w1": other}).routes[0].p50 is None


def test_running_entries_count_for_their_route() -> None:
    running = (RunningEntry("1-0", "1-0", "a", 5.0), RunningEntry("2-0", "2-0", None, 1.0))
    (route,) = status_of(snapshots={"w1": snapshot(running=running)}).routes
    assert (route.route, route.running) == ("a", 1)


def test_a_worker_that_just_started_has_no_inflated_rate() -> None:
    (route,) = status_of(snapshots={"w1": snapshot(activity("a", succeeded=5), window=0.001)}).routes
    assert route.rate == 5


def test_live_workers_come_first_then_those_that_left_entries() -> None:
    holding = {"gone": ConsumerHolding(2, 1, f"{NOW - 5000}-0"), "b": ConsumerHolding(1)}
    status = status_of(
        alive={"b": 1000, "a": 1000},
        generations={"a": "g1", "b": "g0"},
        holding=holding,
        snapshots={"b": snapshot(age=1500, host="web-1", pid=7, generation="g2", held=3, silence=2.5)},
    )
    a, b, gone = status.workers
    assert (a.consumer, a.generation, a.snapshot_age) == ("a", "g1", None)
    assert (b.host, b.generation, b.pending, b.held, b.blocked, b.snapshot_age) == (
        "web-1",
        "g2",
        1,
        3,
        2.5,
        1.5,
    )
    assert (gone.alive, gone.pending) == (False, 3)
    assert gone.oldest is not None
    assert gone.oldest.age == 5.0


def test_all_entries_of_a_stream_without_the_group_are_its_lag() -> None:
    assert status_of(exists=False, length=7).lag == 7
    assert status_of(exists=True, length=7, unread=2).lag == 2


def test_what_was_denied_or_damaged_is_a_problem() -> None:
    assert status_of(denied="NOPERM this user", damaged=("x is damaged",)).problems == (
        "Redis denies a part of it to this user: NOPERM this user",
        "x is damaged",
    )


def test_the_json_form_has_ages_in_seconds_and_times_in_utc() -> None:
    running = (RunningEntry("9-0", "5-0", "a", 1.26, 2, is_retry=True),)
    stream = status_of(
        exists=True,
        oldest=f"{NOW - 2500}-1",
        newest_dead="5-0",
        next_due=NOW + 1000,
        alive={"w": 1000},
        snapshots={"w": snapshot(activity("a", succeeded=3), started=NOW - 1000, running=running)},
    )
    found = json.loads(json.dumps(Status(NOW, (stream,)).as_dict()))
    assert found["time"] == "2027-01-15T08:00:00+00:00"
    (shown,) = found["streams"]
    assert shown["oldest"] == {"id": f"{NOW - 2500}-1", "age": 2.5}
    assert shown["dead"]["newest"] == {"id": "5-0", "age": None}
    assert shown["retries"]["next"] == "2027-01-15T08:00:01+00:00"
    (worker,) = shown["workers"]
    assert worker["started"] == "2027-01-15T07:59:59+00:00"
    assert worker["running"] == [
        {"id": "5-0", "entry": "9-0", "is_retry": True, "route": "a", "seconds": 1.3, "attempt": 2}
    ]
    assert shown["routes"][0]["rate"] == 0.3
