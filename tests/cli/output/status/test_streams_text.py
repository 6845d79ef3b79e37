"""The status of streams as text: fitted to a terminal, bounded, and harmless on a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from streamroute.adapters.snapshots.worker_snapshot import RunningEntry
from streamroute.cli.output.layout import OutputLayout
from streamroute.cli.output.status.streams_text import status_text
from streamroute.ops.status.paused_routes import PausedRoute
from streamroute.ops.status.route_status import RouteStatus
from streamroute.ops.status.stream_status import Status, StreamStatus
from streamroute.ops.status.times import EntryAge
from streamroute.ops.status.worker_status import WorkerStatus

NOW = 1_800_000_000_000


def stream(**facts: Any) -> StreamStatus:
    known: dict[str, Any] = {
        "stream": "events",
        "group": "tests",
        "dead_letter": "dead",
        "time": NOW,
        "exists": True,
        "length": 1204,
        "lag": 12,
        "pending": 3,
        "oldest": EntryAge("1-0", 4.2),
        "scheduled": 2,
        "due": 1,
        "next_retry": NOW + 8000,
        "dead": 5,
        "newest_dead": EntryAge("2-0", 180.0),
    }
    return StreamStatus(**(known | facts))


def text(width: int | None = None, **facts: Any) -> str:
    return status_text(Status(NOW, (stream(**facts),)), OutputLayout(width))


def test_everything_at_a_glance() -> None:
    running = (RunningEntry("1718-0", "1718-0", "welcome", 6.04, 2),)
    worker = WorkerStatus(
        "web-1-77", alive=True, pending=2, generation="a1b2c3", host="web-1", pid=77, started=NOW - 7_200_000,
        concurrency=10, held=2, running_count=2, running=running, snapshot_age=1.0,
    )  # fmt: skip
    gone = WorkerStatus("old", alive=False, pending=1, oldest=EntryAge("1-0", 90.0))
    route = RouteStatus("welcome", rate=5.2, failure_rate=0.1, p50=0.012, p99=0.08, running=1)
    assert text(workers=(worker, gone), routes=(route,)) == (
        """\
events (group tests)
  lag 12   pending 3, oldest 4s   length 1,204
  retries 2, next in 8s, 1 due now   dead letters 5, newest 3m ago

  worker    config  runs  holds  pending  state
  web-1 77  a1b2c3  2/10      2        2  up 2h
    1718-0 in welcome for 6.0s, attempt 2
    and 1 more
  old       -          -      -        1  gone
    others take its entries; the oldest, 1-0, is 1m old

  route    per s  failed/s   p50   p99  running
  welcome    5.2      0.10  12ms  80ms        1"""
    )


def test_what_is_unknown_is_a_question_mark() -> None:
    shown = text(
        length=None, lag=None, pending=None, oldest=None, scheduled=None, dead=None, newest_dead=None
    )
    assert "lag ?   pending ?   length ?" in shown
    assert "dead letters ?" in shown


def test_a_blocked_event_loop_is_the_state_of_its_worker() -> None:
    worker = WorkerStatus("w", alive=True, blocked=42.0, snapshot_age=0.5)
    assert "blocked for 42s" in text(workers=(worker,))


def test_the_text_is_bounded_and_says_what_it_leaves_out() -> None:
    workers = [WorkerStatus(f"w{number:03}", alive=True) for number in range(300)]
    routes = [RouteStatus(f"r{number}") for number in range(5000)]
    problems = [f"problem {number}" for number in range(100)]
    shown = text(workers=workers, routes=routes, routes_left_out=10, problems=problems)
    assert len(shown.splitlines()) < 50
    assert "and 290 more workers" in shown
    assert "and 5000 more active routes" in shown
    assert "and 95 more problems" in shown


@pytest.mark.parametrize("width", [60, 80])
def test_lines_fit_on_a_terminal_whatever_the_names(width: int) -> None:
    running = tuple(RunningEntry("1718000000000-0", "1718000000000-0", "r" * 200, 1e5, 9) for _ in range(9))
    worker = WorkerStatus(
        "c" * 200, alive=True, pending=10**6, generation="738100c55b37", host="h" * 100, pid=10**6,
        started=1, concurrency=1000, held=10**4, running_count=1000, running=running, snapshot_age=1.0,
    )  # fmt: skip
    route = RouteStatus("r" * 200, rate=1e5, failure_rate=1e5, p50=1e5, p99=1e5, running=10**4)
    shown = text(width, workers=(worker,), routes=(route,), stream="s" * 99, problems=("p" * 999,))
    assert max(map(len, shown.splitlines())) <= width
    assert "r" * 200 in text(workers=(worker,), routes=(route,))


def test_names_cannot_move_the_cursor() -> None:
    evil = "a\x1b[2J\r\nb\u202e"
    running = (RunningEntry(evil, evil, evil, 1.0),)
    worker = WorkerStatus(
        evil, alive=True, generation=evil, running=running, running_count=1, snapshot_age=0.1
    )
    shown = text(workers=(worker,), routes=(RouteStatus(evil),), problems=(evil,), group=evil, stream=evil)
    assert not {"\x1b", "\r", "\u202e"} & set(shown)


def test_what_is_paused_is_said_with_the_reason() -> None:
    pauses = [
        PausedRoute("", "manual", NOW - 60_000, None, "ann", "a migration\x1b"),
        PausedRoute("charge", "circuit", NOW - 1000, NOW + 1000, "circuit", "20 failures within 60 s"),
    ]
    shown = text(paused=pauses, parked=1204)
    assert "dead letters 5, newest 3m ago   parked 1,204\n" in shown
    assert "\n  paused the whole stream for 1m, by ann: a migration" in shown
    assert "\x1b" not in shown
    assert "\n  paused route charge for 1s, by its circuit: 20 failures within 60 s\n" in shown


def test_pauses_are_bounded() -> None:
    pauses = [PausedRoute(f"r{n}" * 99, "manual", NOW, None, "ann" * 99, "why" * 99) for n in range(9)]
    shown = text(80, paused=pauses)
    assert "and 4 more paused routes" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_worker_whose_snapshot_is_overdue_is_silent() -> None:
    busy = WorkerStatus("w", alive=True, running_count=1, started=NOW - 1000, snapshot_age=16.0)
    idle = WorkerStatus("w", alive=True, started=NOW - 60_000, snapshot_age=16.0)
    assert "silent for 16s" in text(workers=(busy,))
    assert "up 1m" in text(workers=(idle,))
    assert busy.as_dict()["silent"]
    assert not idle.as_dict()["silent"]


def test_a_handler_that_began_with_the_snapshot_runs_for_less_than_a_millisecond() -> None:
    running = (RunningEntry("1-0", "1-0", "welcome", 0.0),)
    worker = WorkerStatus("w", alive=True, running=running, running_count=1, snapshot_age=0.1)
    assert "1-0 in welcome for <1ms\n" in text(workers=(worker,)) + "\n"
