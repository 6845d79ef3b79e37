"""``streamroute tail``: messages as they come, of any content, without consuming them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from projects import ROUTES, Done, Project
from servers import wait_until

if TYPE_CHECKING:
    from servers import RealServer

Tail = Callable[..., list[dict[str, Any]]]

LONG = "name: long, type: booked, handler: jobs.ok, filter: 'nights > `3`', transform: '{n: n, stay: nights}'"
ALL = "name: all, type: booked, handler: jobs.ok"


@pytest.fixture
def booked(project: Project) -> Project:
    """A project with two routes."""
    project.routes(LONG, ALL)
    return project


def add(project: Project, entry_id: str, **data: Any) -> None:
    project.redis.xadd("events", {"type": "booked", "data": json.dumps(data)}, id=entry_id)


def rows(done: Done) -> list[dict[str, Any]]:
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.fixture
def tail(
    project: Project, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[dict[str, Any]]]:
    """``tail("--last", "1")``: the objects of earlier messages, read in this process."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    return lambda *words: rows(command("tail", "--format", "json", "--no-follow", *words))


def test_earlier_messages_are_shown_and_nothing_is_consumed(booked: Project) -> None:
    add(booked, "1000-0", n=1, nights=2)
    add(booked, "2000-0", n=2, nights=5)
    done = booked.run("tail", "--last", "5", "--no-follow")
    assert done == Done(
        0,
        '1970-01-01 00:00:01.000  events 1000-0  booked  -> all  {"n": 1, "nights": 2}\n'
        '1970-01-01 00:00:02.000  events 2000-0  booked  -> long, all  {"n": 2, "nights": 5}\n',
        "reading events\n",
    )
    assert booked.redis.xinfo_groups("events") == []


def test_the_object_of_a_message(booked: Project, tail: Tail) -> None:
    add(booked, "2000-0", n=2, nights=5)
    assert tail("--last", "1", "--route", "long", "--transform", "after") == [
        {
            "time": "1970-01-01T00:00:02.000+00:00",
            "stream": "events",
            "id": "2000-0",
            "type": "booked",
            "size": 35,
            "problem": None,
            "routes": [
                {
                    "route": "long",
                    "verdict": "matched",
                    "runs": True,
                    "reasons": [],
                    "received": {"n": 2, "stay": 5},
                    "problem": None,
                }
            ],
            "cut": False,
            "data": {"n": 2, "nights": 5, "type": "booked"},
            "outcome": None,
        }
    ]


def test_messages_are_selected_by_route_type_and_filter(booked: Project, tail: Tail) -> None:
    add(booked, "1000-0", n=1, nights=2)
    add(booked, "2000-0", n=2, nights=5)
    booked.redis.xadd("events", {"type": "other", "data": "{}"}, id="3000-0")

    def ids(*words: str) -> list[str]:
        return [row["id"] for row in tail("--from", "0-0", *words)]

    assert ids() == ["1000-0", "2000-0", "3000-0"]
    assert ids("--route", "long") == ["2000-0"]
    assert ids("--route", "long", "--explain") == ["1000-0", "2000-0"]
    assert ids("--type", "other") == ["3000-0"]
    assert ids("--where", "n == `1`") == ["1000-0"]
    assert ids("--limit", "1") == ["1000-0"]
    assert [row["id"] for row in tail("--from", "1970-01-01T00:00:02", "--type", "booked")] == ["2000-0"]


def test_explain_says_why_a_route_does_not_match(booked: Project) -> None:
    add(booked, "1000-0", n=1, nights=2)
    done = booked.run("tail", "--last", "1", "--no-follow", "--explain")
    assert done.out.splitlines()[1] == "    long does not match: nights > `3` is false: nights is 2"


def test_a_filter_that_fails_is_counted(booked: Project) -> None:
    add(booked, "1000-0", n="x")
    add(booked, "2000-0", n=-2)
    done = booked.run("tail", "--last", "9", "--no-follow", "--where", "abs(n) == `2`")
    assert [line.split()[3] for line in done.out.splitlines()] == ["2000-0"]
    assert "--where failed on 1 message, which are not shown" in done.err
    assert "abs() takes number, not string" in done.err


def test_hostile_entries_are_one_line_each(booked: Project, tail: Tail) -> None:
    redis = booked.redis
    redis.xadd("events", {"type": "booked", "data": b"\xff\x00"}, id="1-0")
    redis.xadd("events", {"type": "\x1b[2Jbooked\n", "data": '{"a": "\\u001b[2J\\u202e"}'}, id="2-0")
    redis.xadd("events", {b"\xff": b"\xfe"}, id="3-0")
    redis.xadd("events", {"type": "booked", "data": json.dumps({"n": "x" * 5_000_000})}, id="4-0")
    redis.xadd("events", {"type": "booked", "data": '{"n":' + "[" * 100_000 + "]" * 100_000 + "}"}, id="5-0")
    redis.xadd("events", {"type": "booked", "data": "<script>alert(1)</script>"}, id="6-0")
    done = booked.run("tail", "--last", "9", "--no-follow")
    assert done.code == 0
    assert len(done.out.splitlines()) == 6
    assert len(done.out) < 6_000
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    objects = tail("--last", "9")
    assert [row["id"] for row in objects] == [f"{number}-0" for number in range(1, 7)]
    assert [row["cut"] for row in objects].count(True) == 1


def test_hidden_fields_are_in_no_output(booked: Project, tail: Tail) -> None:
    """Neither in a payload, nor in a reason, nor in what a handler receives."""
    redact = "redact: [secret, nested.secret, nights]\nroutes:\n"
    booked.routes(
        "name: by_secret, type: booked, handler: jobs.ok, filter: \"secret == 'other'\"",
        "name: moved, type: booked, handler: jobs.ok, transform: '{n: n, to: nested.secret, all: [secret]}'",
        LONG,
        head=ROUTES.replace("routes:\n", redact),
    )
    add(booked, "1-0", n=1, nights=314159, secret="swordfish", nested={"secret": "swordfish"})
    booked.redis.xadd("events", {"type": "booked", "data": '["swordfish"'}, id="2-0")
    for output_format in ("text", "json"):
        words = ["--last", "9", "--no-follow", "--explain", "--transform", "after", "--format", output_format]
        done = booked.run("tail", *words)
        assert done.code == 0
        assert "(redacted)" in done.out
        assert "swordfish" not in done.out + done.err
        assert "314159" not in done.out + done.err
    assert [row["id"] for row in tail("--last", "9", "--where", "secret == 'swordfish'")] == ["1-0"]


def test_new_messages_are_shown_until_the_interrupt(booked: Project) -> None:
    add(booked, "1000-0", n=1)
    running = booked.start("tail").expect_log("watching events")
    add(booked, "*", n=7, nights=1)
    wait_until(lambda: b'"n": 7' in (booked.folder / "out-1").read_bytes(), "the message")
    done = running.signal(signal.SIGINT).end()
    assert (done.code, done.err) == (0, "watching events; Ctrl-C ends\n\n")


def test_a_reader_that_closes_stdout_ends_it(booked: Project) -> None:
    add(booked, "1000-0", n=1)
    add(booked, "2000-0", n=2)
    command = f"{sys.executable} -m streamroute tail --last 2 | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=booked.folder, env=booked.env, check=False, timeout=60
    )
    assert done.returncode == 0


@pytest.mark.processes
def test_an_outage_is_said_and_survived(
    lone_project: Project, start_server: Callable[..., RealServer]
) -> None:
    server = start_server(append_only="always")
    lone_project.env["REDIS_URL"] = server.url
    lone_project.routes(ALL)
    running = lone_project.start("tail").expect_log("watching events")
    add(lone_project, "*", n=1)
    written = lone_project.folder / "out-1"
    wait_until(lambda: b'"n": 1' in written.read_bytes(), "the first message")  # it reads by now
    server.kill()
    running.expect_log("trying again")
    server.start()
    running.expect_log("Redis answers again")
    add(lone_project, "*", n=2)
    wait_until(lambda: b'"n": 2' in written.read_bytes(), "the second message")
    assert written.read_bytes().count(b'"n": 1') == 1


def test_redis_that_is_away_at_the_start_is_one_line(lone_project: Project) -> None:
    lone_project.env["REDIS_URL"] = "redis://127.0.0.1:1"
    lone_project.routes(ALL)
    done = lone_project.run("tail")
    assert (done.code, len(done.err.splitlines())) == (4, 1)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["event"], 'unknown stream "event"; did you mean "events"?'),
        (["--route", "al"], 'unknown route "al"'),
        (["--no-follow"], "add --last N or --from TIME"),
        (["--last", "1", "--from", "-2h"], "--last and --from exclude each other"),
        (["--from", "yesterday"], '"yesterday" is not a place in a stream'),
        (["--where", "nights >"], "'nights >'"),
    ],
)
def test_usage_errors(booked: Project, words: list[str], reason: str) -> None:
    done = booked.run("tail", *words)
    assert done.code == 2
    assert reason in done.err


def shown(project: Project, name: str) -> list[dict[str, Any]]:
    """Return the objects that a running tail has written so far."""
    lines = (project.folder / name).read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


@pytest.mark.processes
def test_outcomes_are_sampled_while_somebody_watches(project: Project) -> None:
    project.routes(
        "name: good, type: booked, handler: jobs.ok",
        "name: bad, type: booked, handler: jobs.fail",
        head=ROUTES.replace("routes:\n", "redact: [secret]\nroutes:\n"),
    )
    redis = project.redis
    redis.xadd("events", {"type": "booked", "data": '{"n": 1}'})
    project.start("serve").expect_log("serving")
    project.notes("fail 1 2")
    watching = project.start("tail", "--outcome", "any", "--format", "json")
    watching.expect_log("workers of events send outcomes now")
    redis.xadd("events", {"type": "booked", "data": '{"n": 2, "secret": "guest"}'})
    redis.xadd("events", {"type": "booked", "data": "not JSON: guest"})
    wait_until(lambda: len(shown(project, "out-2")) >= 4, "the outcomes")
    found = [
        (row["type"], row["outcome"]["route"], row["outcome"]["result"], row["outcome"]["error_class"])
        for row in shown(project, "out-2")
    ]
    assert sorted(found, key=str) == [
        ("booked", "bad", "dead", "ValueError"),
        ("booked", "bad", "retried", "ValueError"),
        ("booked", "good", "succeeded", None),
        ("booked", None, "dead", None),
    ]
    text = (project.folder / "out-2").read_text()
    assert "no such (redacted)" in text
    assert "guest" not in text
    assert watching.signal(signal.SIGINT).end().code == 0


@pytest.mark.processes
def test_a_worker_that_sends_no_outcomes_is_named(booked: Project) -> None:
    booked.redis.set("{events}:tests:watched", "x")
    watching = booked.start("tail", "--outcome", "failed")
    watching.expect_log("no worker consumes events now")
    assert 0 < booked.redis.pttl("{events}:tests:watched") <= 7_000
    assert 0 < booked.redis.pttl("{events}:tests:outcomes") <= 60_000


def test_damaged_outcomes_are_counted(booked: Project) -> None:
    redis = booked.redis
    watching = booked.start("tail", "--outcome", "any").expect_log("watching outcomes")
    wait_until(lambda: redis.exists("{events}:tests:watched"), "the watcher")
    batch = {
        "worker": "\x1b[2Jme",
        "outcomes": [7, {"id": "1-0"}, {"id": "9-9", "result": "dead", "time": 5}],
    }
    for value in (b"\xff", b"[" * 100_000, b"{}", json.dumps(batch).encode()):
        redis.xadd("{events}:tests:outcomes", {"batch": value})
    watching.expect_log("damaged record")
    wait_until(lambda: (booked.folder / "out-1").read_text().count("\n") == 1, "the outcome")
    assert "9-9  (no type)  dead  (it is no longer in the stream)" in (booked.folder / "out-1").read_text()


def test_a_key_of_another_type_is_one_line(booked: Project) -> None:
    booked.redis.set("{events}:tests:outcomes", "text")
    done = booked.run("tail", "--outcome", "any")
    assert (done.code, len(done.err.splitlines())) == (1, 2)
    assert "reading {events}:tests:outcomes failed" in done.err


def test_an_error_of_decoding_quotes_nothing_hidden(project: Project) -> None:
    """Neither in the log, nor in the dead letter, nor in what shows it; nor does the title of a group."""
    project.routes(
        "name: bad, type: booked, handler: jobs.tell",
        head=ROUTES.replace("routes:\n", "redact: [secret]\nroutes:\n").replace("attempts: 2", "attempts: 1"),
    )
    told = "\n\nasync def tell(payload):\n    raise ValueError(payload['secret'])\n"
    project.write("jobs.py", (project.folder / "jobs.py").read_text() + told)
    redis = project.redis
    redis.xadd("events", {"type": "booked", "data": '{"secret": "sword-fish 42"'}, id="1-0")
    redis.xadd("events", {"type": "booked", "data": '{"secret": "sword-fish 42"}'}, id="2-0")
    drained = project.run("serve", "--drain")
    shown = drained.out + drained.err
    for words in (
        "dead list",
        "dead groups",
        "dead groups --format json",
        "explain --stream events --id 1-0",
    ):
        done = project.run(*words.split())
        shown += done.out + done.err
    assert project.dead() == 2
    assert "fish" not in shown
    assert "(redacted)" in shown
    assert "the entry cannot be decoded" in shown
