"""``streamroute top`` beside a running ``serve``: printed once, or redrawn on a terminal."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from projects import QUICK_SNAPSHOTS
from servers import free_port, wait_until
from terminals import on_terminal

if TYPE_CHECKING:
    from projects import Project

RUNS = "name: runs, type: r, handler: jobs.ok"
FAILS = "name: fails, type: f, handler: jobs.fail, retry: {max_attempts: 1}"


def top(project: Project, *words: str) -> dict[str, Any]:
    done = project.run("top", "--format", "json", *words)
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


@pytest.fixture
def busy(project: Project) -> Project:
    """A project whose worker has run three messages, one of which failed."""
    project.routes(RUNS, FAILS)
    running = project.start("serve", program=("-c", QUICK_SNAPSHOTS))
    running.expect_log("serving")
    events = [{"type": "r", "n": 1}, {"type": "r", "n": 2}, {"type": "f", "n": 3}]
    project.run("publish", "events", str(project.feed(*map(json.dumps, events))))
    wait_until(lambda: top(project)["total"] == 2, "both routes")
    return project


def test_routes_are_printed_once_where_there_is_no_terminal(busy: Project) -> None:
    assert [route["route"] for route in top(busy)["routes"]] == ["runs", "fails"]
    failing = top(busy, "--sort", "failures", "--limit", "1")
    assert failing["total"] == 2
    assert [(route["stream"], route["route"]) for route in failing["routes"]] == [("events", "fails")]
    assert [route["route"] for route in top(busy, "--filter", "FAI")["routes"]] == ["fails"]
    lines = busy.run("top").out.splitlines()
    assert lines[0].startswith("lag ")
    assert lines[0].endswith("dead letters 1   consumers 1")
    assert [line.split()[:2] for line in lines[2:]] == [
        ["route", "stream"],
        ["runs", "events"],
        ["fails", "events"],
    ]


def test_a_terminal_is_redrawn_and_keys_sort_filter_and_quit(busy: Project) -> None:
    keys = [("by rate", "f"), ("by failures", "/"), ("filter: _", "fai"), ("filter: fai_", "\r")]
    screen = on_terminal(busy, "top", "--every", "200ms", keys=[*keys, ("fai\x1b", "q")])
    assert "by failures" in screen.lines[0]
    assert screen.lines[1] == "filter: fai"
    assert [line.split()[0] for line in screen.lines[4:]] == ["route", "fails"]


def test_a_terminal_shows_that_redis_is_away(project: Project) -> None:
    project.env["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}"
    project.routes(RUNS)
    screen = on_terminal(project, "top", "--every", "200ms", keys=[("looking", "q")])
    assert "refuses the connection" in "\n".join(screen.lines)


def test_redis_that_is_away_is_one_line_and_an_exit_code(project: Project) -> None:
    project.env["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}"
    project.routes(RUNS)
    done = project.run("top")
    assert done.code == 4
    assert len(done.err.splitlines()) == 1


def test_an_idle_service_has_no_active_routes(project: Project) -> None:
    project.routes(RUNS)
    assert project.run("top").out.splitlines()[2] == "no route was active in the last minute"
    running = project.start("serve")
    running.expect_log("serving")
    running.signal(signal.SIGTERM).end()
    assert top(project)["total"] == 0
