"""``streamroute status`` as users run it, beside a running ``serve``."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from projects import QUICK_SNAPSHOTS
from servers import free_port, wait_until
from streamroute.keys import GroupKeys

if TYPE_CHECKING:
    from projects import Done, Project

KEYS = GroupKeys.of("events", "tests")
WAIT = "name: waits, type: w, handler: jobs.wait"
FAIL = "name: fails, type: f, handler: jobs.fail, retry: {max_attempts: 1}"
OK = "name: runs, type: r, handler: jobs.ok"


def streams(project: Project, *words: str) -> dict[str, Any]:
    done = project.run("status", "--format", "json", *words)
    assert done.code == 0, done.err
    return {stream["stream"]: stream for stream in json.loads(done.out)["streams"]}


def test_a_stream_nobody_has_consumed_is_said_to_be_so(project: Project) -> None:
    project.routes(OK)
    done = project.run("status")
    assert done.code == 0
    assert done.out == (
        "events (group tests)\n"
        "  lag 0   pending 0   length 0\n"
        "  retries 0   dead letters 0\n"
        "  ! the group tests does not exist: no worker has consumed this stream\n"
    )


def test_a_running_worker_its_entries_and_its_routes_are_shown(project: Project) -> None:
    project.routes(WAIT, FAIL, OK)
    running = project.start("serve", program=("-c", QUICK_SNAPSHOTS))
    running.expect_log("serving")
    events = [json.dumps({"type": kind, "n": 1}) for kind in ("w", "f", "r", "r")]
    project.run("publish", "events", str(project.feed(*events)))

    def found() -> dict[str, Any]:
        stream: dict[str, Any] = streams(project)["events"]
        return stream

    def is_complete() -> bool:
        stream = found()
        routes = {route["route"]: route for route in stream["routes"]}
        return bool(
            stream["workers"] and stream["workers"][0]["running"] and {"runs", "fails"} <= routes.keys()
        )

    wait_until(is_complete, "the snapshot of the worker")
    stream = found()
    (worker,) = stream["workers"]
    (entry,) = worker["running"]
    assert (entry["route"], entry["attempt"], entry["is_retry"]) == ("waits", 1, False)
    assert (worker["alive"], worker["running_count"], worker["held"]) == (True, 1, 1)
    assert worker["generation"]
    assert (stream["pending"], stream["dead"]["count"], stream["length"]) == (1, 1, 4)
    routes = {route["route"]: route for route in stream["routes"]}
    assert routes["runs"]["totals"] == {"matched": 2, "succeeded": 2}
    assert routes["runs"]["rate"] > 0 == routes["runs"]["failure_rate"]
    assert routes["fails"]["failure_rate"] == routes["fails"]["rate"] > 0
    assert routes["waits"]["running"] == 1
    text = project.run("status", "events").out
    assert f"{entry['id']} in waits for" in text
    assert "dead letters 1, newest" in text
    project.write("go", "")
    running.signal(signal.SIGTERM).end()
    assert streams(project)["events"]["workers"] == []
    assert not project.redis.exists(KEYS.stats)


def test_a_worker_that_was_killed_is_shown_with_what_it_held(project: Project) -> None:
    project.redis.xgroup_create("events", "tests", "0", mkstream=True)
    first = project.redis.xadd("events", {"type": "w"}).decode()
    project.redis.xreadgroup("tests", "web-1", {"events": ">"})
    project.routes(WAIT)
    (worker,) = streams(project)["events"]["workers"]
    assert (worker["consumer"], worker["alive"], worker["pending"]) == ("web-1", False, 1)
    assert worker["oldest"]["id"] == first
    text = project.run("status").out
    assert "! no worker is alive" in text
    assert "gone" in text


def test_names_with_control_characters_cannot_reach_the_terminal(project: Project) -> None:
    project.redis.xgroup_create("events", "tests", "0", mkstream=True)
    project.redis.xadd("events", {"type": "w"})
    project.redis.xreadgroup("tests", "\x1b[31mred\nline\u202e", {"events": ">"})
    project.routes(WAIT)
    done = project.run("status")
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert streams(project)["events"]["workers"][0]["consumer"] == "\x1b[31mred\nline\u202e"


def test_foreign_values_under_the_keys_are_named_and_the_rest_is_shown(project: Project) -> None:
    project.redis.xadd("events", {"type": "w"})
    project.redis.set(KEYS.due, "mine")
    project.redis.set(KEYS.workers, "mine")
    project.routes(WAIT)
    done = project.run("status")
    assert done.code == 0
    assert f"! {KEYS.due} holds another type of value" in done.out
    assert f"! {KEYS.workers} holds another type of value" in done.out
    assert "length 1" in done.out


def test_an_unknown_stream_is_a_usage_error(project: Project) -> None:
    project.routes(OK)
    done = project.run("status", "event")
    assert done.code == 2
    assert 'unknown stream "event"; did you mean "events"?' in done.err


def test_redis_that_is_away_is_one_line_and_an_exit_code(project: Project) -> None:
    project.env["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}"
    project.routes(OK)
    done = project.run("status")
    assert done.code == 4
    assert done.out == ""
    assert len(done.err.splitlines()) == 1


def test_a_configuration_with_an_error_is_refused(project: Project) -> None:
    project.routes("name: a, types: w, handler: jobs.wait, stream: nope")
    done = project.run("status")
    assert done.code == 1
    assert "cannot be used" in done.err


def test_watching_goes_on_when_redis_is_away(project: Project, start_server: Callable[..., Any]) -> None:
    port = free_port()
    project.env["REDIS_URL"] = f"redis://127.0.0.1:{port}"
    project.routes(OK)
    running = project.start("status", "--watch", "--every", "200ms", "--format", "json")
    running.expect_log("refuses the connection")
    with start_server(port=port):
        wait_until(lambda: running.out.count("\n") >= 2, "two looks")
    before = running.out.count("\n")
    wait_until(lambda: running.err.count("looking again") >= 2, "the loss of the server")
    done = running.signal(signal.SIGINT).end()
    assert done.code == 0
    looks = [json.loads(line) for line in done.out.splitlines()]
    assert len(looks) >= before
    assert looks[0]["streams"][0]["stream"] == "events"


@pytest.mark.parametrize("value", ["x", "0s", "10ms"])
def test_an_interval_must_be_a_duration_that_is_not_too_short(
    command: Callable[..., Done], value: str
) -> None:
    done = command("status", "--watch", "--every", value)
    assert done.code == 2
    assert "duration" in done.err or "five times a second" in done.err


def test_help_shows_the_options_and_the_commands(command: Callable[..., Done]) -> None:
    done = command("status", "--help")
    assert done.code == 0
    assert "--watch" in done.out
    assert "[STREAM]..." in done.out
    assert "retries" in done.out
