"""``streamroute replay``: old entries run again, once for each replay id, in the chosen routes."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from projects import Project
from servers import wait_until
from streamroute.adapters.entries.retry_record import RetryRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from projects import Done
    from servers import RealServer

RETRY, JOBS, AUDIT = "{events}:tests:retry", "{events}:tests:jobs", "{events}:tests:audit"
ODD = "name: odd, type: t, handler: jobs.ok, filter: 'odd'"
ALL = "name: all, type: [t, u], handler: jobs.plain"


@pytest.fixture
def shop(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose group has read ten old entries, and which is this process's working folder."""
    monkeypatch.chdir(project.folder)
    monkeypatch.setenv("REDIS_URL", project.env["REDIS_URL"])
    project.routes(ODD, ALL, "name: off, type: t, handler: jobs.ok, enabled: false")
    fill(project, 10)
    return project


def fill(project: Project, count: int) -> None:
    """Write entries 1-0 to N-0, which the group has read."""
    with project.redis.pipeline() as pipe:
        for at in range(1, count + 1):
            data = json.dumps({"n": at, "odd": bool(at % 2)})
            pipe.xadd("events", {"type": "t", "data": data}, id=f"{at}-0")
        pipe.execute()
    project.redis.xgroup_create("events", "tests", id="$")


def queued(project: Project) -> list[RetryRecord]:
    rows: Any = project.redis.xrange(RETRY)
    return [RetryRecord.unpack(fields[b"entry"]) for _, fields in rows]


def replay(command: Callable[..., Done], *arguments: str) -> Done:
    return command("replay", "events", "--from", "1-0", "--yes", *arguments)


def test_the_chosen_entries_are_queued_for_the_chosen_route(
    shop: Project, command: Callable[..., Done]
) -> None:
    done = replay(
        command, "--to", "4-0", "--route", "odd", "--id", "night", "--reason", "bug 7", "--as", "ann"
    )
    assert (done.code, done.out) == (
        0,
        "night done\n4 of 4: 2 queued, 2 not chosen\n",
    )
    assert "no worker of the group is alive" in done.err
    [first, second] = queued(shop)
    assert (first.id, second.id) == ("1-0", "3-0")
    assert (first.routes, first.attempt, first.replay, first.accepted) == (
        frozenset({"odd"}),
        1,
        "night",
        False,
    )
    assert first.fields[b"type"] == b"t"
    records: Any = [fields for _, fields in shop.redis.xrange(AUDIT)]
    assert [(each[b"who"], each[b"result"], each.get(b"count")) for each in records] == [
        (b"ann", b"started", None),
        (b"ann", b"done", b"2"),
    ]
    assert records[0][b"target"] == b"night: events from 1-0 to 4-0 in odd"


def test_a_replay_id_runs_once(shop: Project, command: Callable[..., Done]) -> None:
    assert replay(command, "--to", "3-0", "--route", "odd", "--id", "night").code == 0
    done = replay(command, "--to", "3-0", "--route", "odd", "--id", "night")
    assert (done.code, len(queued(shop))) == (1, 2)
    assert 'the replay "night" is done' in done.err


def test_a_dry_run_counts_by_route(shop: Project, command: Callable[..., Done]) -> None:
    done = replay(command, "--route", "odd", "--route", "all", "--dry-run", "--filter", "n > `2`")
    assert done.out == "would look at 10: 8 queued, 2 not chosen\n  odd  4\n  all  8\n"
    counts = json.loads(replay(command, "--route", "odd", "--dry-run", "--format", "json").out)
    assert counts["counts"] == {"looked_at": 10, "queued": 5, "not_chosen": 5}
    assert counts["routes"] == {"odd": 5}
    assert queued(shop) == []
    assert shop.redis.exists(JOBS, AUDIT) == 0


def test_filters_of_routes_can_be_left_out(shop: Project, command: Callable[..., Done]) -> None:
    assert replay(command, "--to", "4-0", "--route", "odd", "--no-filter").code == 0
    assert [(record.id, record.accepted) for record in queued(shop)] == [
        (f"{at}-0", True) for at in range(1, 5)
    ]


def test_entries_that_cannot_be_used_are_counted(shop: Project, command: Callable[..., Done]) -> None:
    shop.redis.delete("events")
    shop.redis.xadd("events", {"type": "t", "data": b"\xff{"}, id="1-0")
    shop.redis.xadd("events", {"data": "{}"}, id="2-0")
    shop.redis.xadd("events", {"type": "t", "data": '{"n": "x"}'}, id="3-0")
    shop.redis.xadd("events", {"type": "t", "data": '{"n": 1}'}, id="4-0")
    shop.redis.xgroup_create("events", "tests", id="$")
    done = replay(command, "--route", "all", "--filter", "abs(n) == `1`")
    assert done.out.splitlines()[1] == "4 of 4: 1 queued, 2 unreadable, 1 filter failed"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--route", "off"), 'the route "off" is disabled'),
        (("--route", "odd", "--to", "0-5"), 'the stream "events" holds entries from 1-0'),
        (("--route", "odd", "--from", "-1h"), "the start of the range is after its end"),
        (("--route", "odd", "--from", "-1h", "--to", "now"), "holds no entry in this range"),
    ],
)
def test_what_cannot_be_replayed_is_refused(
    shop: Project, command: Callable[..., Done], arguments: tuple[str, ...], reason: str
) -> None:
    if reason.startswith("the start"):
        arguments = (*arguments, "--to", "7-0")
    done = command("replay", "events", "--from", "0-1", "--yes", *arguments)
    assert done.code == 1
    assert reason in done.err
    assert shop.redis.exists(JOBS) == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("events", "--route", "odd"), "name the STREAM, --from"),
        (("events", "--from", "1-0"), "name the STREAM, --from"),
        (("event", "--from", "1-0", "--route", "odd"), 'did you mean "events"?'),
        (("events", "--from", "1-0", "--route", "ood"), 'did you mean "odd"?'),
        (("events", "--from", "soon", "--route", "odd"), "is not a place in a stream"),
        (("events", "--from", "1-0", "--route", "odd", "--rate", "fast"), "is not a rate"),
        (("events", "--from", "1-0", "--route", "odd", "--rate", "0/s"), "is not a rate"),
        (("events", "--from", "1-0", "--route", "odd", "--filter", "n >"), "--filter: 'n >'"),
        (("events", "--from", "1-0", "--route", "odd", "--id", "a b"), "--id: up to 64"),
        (("events", "--from", "1-0", "--route", "odd"), "add --yes"),
        (("--resume", "x", "--route", "odd"), "leave out what selects"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    shop: Project, command: Callable[..., Done], arguments: tuple[str, ...], reason: str
) -> None:
    done = command("replay", *arguments)
    assert done.code == 2
    assert reason in done.err


def test_entries_that_the_group_has_not_read_are_left_out(
    shop: Project, command: Callable[..., Done]
) -> None:
    shop.redis.xgroup_setid("events", "tests", id="3-0")
    done = replay(command, "--route", "all")
    assert "entries after 3-0" in done.err
    assert [record.id for record in queued(shop)] == ["1-0", "2-0", "3-0"]


def test_a_group_that_has_never_read_the_stream_is_refused(
    shop: Project, command: Callable[..., Done]
) -> None:
    shop.redis.xgroup_destroy("events", "tests")
    done = replay(command, "--route", "all")
    assert done.code == 1
    assert 'the group "tests" has not read the stream "events" yet' in done.err


def test_the_handlers_of_the_route_run_with_the_replay_id(each_project: Project) -> None:
    """Other routes of the message do not run, and each entry runs once; 300 entries are many windows."""
    project = each_project
    project.routes("name: r, type: t, handler: replayed.handle", "name: all, type: t, handler: jobs.plain")
    project.write(
        "replayed.py",
        "from jobs import note\n\nasync def handle(payload):\n    note(payload['n'], payload.replay)\n",
    )
    fill(project, 300)
    server = project.start("serve").expect_log("stream events")
    done = project.run("replay", "events", "--from", "1-0", "--route", "r", "--yes", "--id", "night")
    assert (done.code, done.out.splitlines()[0]) == (0, "night done")
    wait_until(lambda: len(project.ledger) >= 300, "300 runs")
    server.signal(signal.SIGTERM).end()
    assert sorted(project.ledger) == sorted(f"{n} night" for n in range(1, 301))


def test_a_route_with_dedupe_skips_what_it_has_run(project: Project) -> None:
    """A replay of a message is another message to the lock, but not another value of the key."""
    project.routes("name: once, type: t, handler: jobs.ok, dedupe: {key: n, ttl: 1h}")
    for at in range(1, 4):
        project.redis.xadd("events", {"type": "t", "data": json.dumps({"n": at})})
    server = project.start("serve").expect_log("stream events")
    wait_until(lambda: len(project.ledger) == 3, "three runs")
    done = project.run("replay", "events", "--from", "-1h", "--route", "once", "--yes", "--id", "night")
    assert (done.code, done.out.splitlines()[0]) == (0, "night done")
    wait_until(lambda: project.redis.xlen(RETRY) == 0, "the replayed messages")
    server.signal(signal.SIGTERM).end()
    assert sorted(project.ledger) == ["ok 1", "ok 2", "ok 3"]
    assert project.dead() == 0


def test_a_paused_route_is_said(shop: Project, command: Callable[..., Done]) -> None:
    assert command("pause", "odd", "--reason", "bug 7").code == 0
    done = replay(command, "--to", "3-0", "--route", "odd")
    assert 'the route "odd" is paused: its messages are parked' in done.err


def test_a_killed_replay_is_resumed_where_it_was(shop: Project, command: Callable[..., Done]) -> None:
    """Its window is full, since no worker runs; the second process goes on with the rest."""
    replaying = shop.start("replay", "events", "--from", "1-0", "--route", "all", "--yes", "--id", "night")
    wait_until(lambda: shop.redis.xlen(RETRY) == 4, "a full window")
    replaying.process.kill()
    replaying.end()
    [stored] = json.loads(command("jobs", "list", "--format", "json").out)["jobs"]
    assert (stored["id"], stored["kind"], stored["counts"]["queued"]) == ("night", "replay", 4)
    seen = taken(shop)
    step = int(shop.redis.hget(JOBS, "night:runner").split()[2])
    shop.redis.hset(JOBS, "night:runner", f"gone:1:abc 1 {step}")  # as if its lock had ended
    going_on = shop.start("replay", "--resume", "night")
    while not going_on.has_ended:
        wait_until(lambda: shop.redis.xlen(RETRY) > 0 or going_on.has_ended, "the next messages")
        seen += taken(shop)
    assert going_on.end().code == 0
    assert seen + taken(shop) == [f"{at}-0" for at in range(1, 11)]


def taken(project: Project) -> list[str]:
    """Take what waits, as a worker does; return the ids of the entries."""
    rows: Any = project.redis.xrange(RETRY)
    for row_id, _ in rows:
        project.redis.xdel(RETRY, row_id)
    return [RetryRecord.unpack(fields[b"entry"]).id for _, fields in rows]


def test_what_was_trimmed_is_said(shop: Project, command: Callable[..., Done]) -> None:
    done = command("replay", "events", "--from", "0-1", "--to", "4-0", "--route", "odd", "--dry-run")
    assert "earlier ones are gone" not in done.err, "the stream still has its first entry"
    shop.redis.xtrim("events", minid="3-0", approximate=False)
    done = command("replay", "events", "--from", "0-1", "--to", "4-0", "--route", "odd", "--dry-run")
    assert (
        "the stream holds entries from 3-0 (1970-01-01T00:00:00+00:00) on; earlier ones are gone" in done.err
    )


def test_ctrl_c_ends_a_replay_that_can_be_resumed_at_once(
    shop: Project, command: Callable[..., Done]
) -> None:
    replaying = shop.start("replay", "events", "--from", "1-0", "--route", "all", "--yes", "--id", "night")
    wait_until(lambda: shop.redis.xlen(RETRY) == 4, "a full window")
    done = replaying.signal(signal.SIGINT).end()
    assert (done.code, "Traceback" in done.err) == (130, False)
    assert "night is interrupted; to go on: streamroute jobs resume night" in done.err
    [stored] = json.loads(command("jobs", "list", "--format", "json").out)["jobs"]
    assert (stored["status"], stored["reason"], stored["process"]) == ("stopped", "interrupted", "")
    results: Any = [fields[b"result"] for _, fields in shop.redis.xrange(AUDIT)]
    assert results == [b"started", b"stopped: interrupted"]


def test_a_replay_survives_an_outage_of_redis(
    tmp_path: Path, start_server: Callable[..., RealServer]
) -> None:
    """Its server stops in the middle, and comes back with what it had written."""
    server = start_server(append_only=True)
    with Project(tmp_path, {"REDIS_URL": server.url}) as project:
        project.routes(ALL)
        fill(project, 10)
        replaying = project.start("replay", "events", "--from", "1-0", "--route", "all", "--yes")
        wait_until(lambda: project.redis.xlen(RETRY) == 4, "a full window")
        server.restart()
        seen: list[str] = []
        while not replaying.has_ended:
            wait_until(lambda: project.redis.xlen(RETRY) > 0 or replaying.has_ended, "the next messages")
            seen += taken(project)
        assert replaying.end().code == 0
        assert seen + taken(project) == [f"{at}-0" for at in range(1, 11)]
