"""Running watch: since when an entry is in its route."""

from __future__ import annotations

from streamroute.adapters.snapshots.worker_snapshot import RunningEntry
from streamroute.message import Message
from streamroute.ops.status.worker.running_watch import RunningWatch


def message(entry_id: str, route: str | None = None) -> Message:
    made = Message({}, id=entry_id, stream="events")
    made.delivery.running_route = route
    return made


def test_an_entry_runs_since_it_was_seen_first() -> None:
    watch, first, second = RunningWatch(), message("1-0", "a"), message("2-0", "b")
    watch.look([first], 10.0)
    found = watch.look([first, second], 12.0)
    assert [(entry.entry_id, entry.route, entry.seconds) for entry in found] == [
        ("1-0", "a", 2.0),
        ("2-0", "b", 0.0),
    ]


def test_the_time_is_that_of_the_route_that_runs_now() -> None:
    watch, one = RunningWatch(), message("1-0")
    assert watch.look([one], 10.0)[0].route is None
    one.delivery.running_route = "a"
    watch.look([one], 12.0)
    one.delivery.running_route = "b"
    (entry,) = watch.look([one], 14.0)
    assert (entry.route, entry.seconds) == ("b", 0.0)


def test_an_entry_that_is_delivered_again_starts_again() -> None:
    watch = RunningWatch()
    watch.look([message("1-0", "a")], 10.0)
    watch.look([], 12.0)
    (entry,) = watch.look([message("1-0", "a")], 14.0)
    assert entry.seconds == 0.0


def test_a_retry_has_the_id_of_its_original_entry_beside_its_own() -> None:
    retry = message("5-0", "a")
    retry.attempt = 3
    retry.delivery.entry_id, retry.delivery.pending_key = "9-0", "{events}:tests:retry"
    assert RunningWatch().look([retry], 1.0) == (RunningEntry("9-0", "5-0", "a", 0.0, 3, is_retry=True),)
