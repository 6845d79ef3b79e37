"""``streamroute serve`` in separate processes: its behaviour, its log, its output, and its exit code."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from projects import ROUTES, SHORT_DEADLINE, SHORT_LEASE, Project
from repository import DOCS
from servers import RealServer, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

OK = "name: ok, type: t, handler: jobs.ok"


def event(n: int = 1, kind: str = "t", **more: Any) -> str:
    return json.dumps({"type": kind, "n": n, **more})


# Output


def test_a_fed_run_ends_with_a_table_and_0(project: Project) -> None:
    project.routes(OK, "name: big, type: t, filter: n > `1`, handler: jobs.plain")
    project.feed(event(1), event(2), event(3))
    done = project.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.code == 0, done.err
    assert done.out == (
        "stream  route  matched  succeeded  failed\n"
        "events  ok           3          3       0\n"
        "events  big          2          2       0\n"
    )
    assert sorted(project.ledger) == ["ok 1", "ok 2", "ok 3", "plain 2", "plain 3"]


def test_entries_from_before_the_start_are_counted_apart(project: Project) -> None:
    project.routes(OK)
    project.feed(event(1), event(2))
    project.run("publish", "events", "events.jsonl")
    done = project.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.out == (
        "stream  route  matched  succeeded  failed\n"
        "events  ok           2          2       0\n"
        "\n"
        "backlog from before the feed:\n"
        "stream  route  matched  succeeded  failed\n"
        "events  ok           2          2       0\n"
    )


def test_types_that_no_route_lists_are_one_line(project: Project) -> None:
    project.routes(OK)
    project.feed(*(event(n, f"other{n % 5}") for n in range(11)), event(1))
    done = project.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.code == 0
    assert done.out.splitlines()[-1] == (
        "acknowledged, since no route lists its type: 11 messages of 5 types "
        "(other0 3, other1 2, other2 2, ...)"
    )


def test_the_start_lines_name_routes_and_server(project: Project) -> None:
    project.routes(OK)
    done = project.run("serve", "--drain")
    assert "info: serving routes.yaml from ${REDIS_URL}\n" in done.err
    assert "info: stream events, group tests: 1 route: ok" in done.err


def test_the_start_lines_name_canaries_and_shadows_and_the_summary_counts_them(project: Project) -> None:
    canary = "name: new, type: t, handler: jobs.fail, instead_of: ok, retry: {max_attempts: 1}"
    stopping = "canary: {percent: 100, key: n, stop_at: {dead: 0%}}"
    shade = "name: shade, type: t, filter: n > `1`, handler: jobs.plain, shadow: true"
    one_by_one = ROUTES.replace("group: tests", "group: tests\n    concurrency: 1")
    project.routes(OK, f"{canary}, {stopping}", shade, head=one_by_one)
    project.feed(event(1), event(2))
    done = project.run("serve", "--feed", "events.jsonl", "--drain")
    assert "info: stream events, group tests: 2 routes: ok, new (100% of ok)" in done.err
    assert "info: stream events, shadows: 1 route: shade" in done.err
    assert "error: canary new is switched off until the next generation" in done.err
    assert sorted(project.ledger) == ["fail 1 1", "ok 2"]
    assert "events  shade         1            1             0                0" in done.out


def test_warnings_of_the_check_are_logged_and_stop_nothing(project: Project) -> None:
    project.routes(OK, head="include: [nothing/*.yaml]\n" + ROUTES)
    done = project.run("serve", "--drain")
    assert done.code == 0
    assert "warning: routes.yaml:1:11: warning[SR015]" in done.err


def test_errors_of_the_check_are_shown_in_full_and_end_it_with_1(project: Project) -> None:
    project.routes("name: ok, type: t, handlr: jobs.ok", "name: no, type: t, handler: jobs.nothing")
    done = project.run("serve", "--drain")
    assert done.code == 1
    assert 'did you mean "handler"?' in done.out
    assert "SR402" in done.out
    assert "routes.yaml cannot be used: 2 errors" in done.err


def test_json_logs_are_json_to_the_last_line(project: Project) -> None:
    project.routes(OK, "name: bad, type: t, handler: jobs.fail", head="include: [no/*.yaml]\n" + ROUTES)
    running = project.start("serve", "--log-format", "json").expect_log("group tests")
    project.run("publish", "events", "--type", "t", "--data", '{"n": 1}')
    running.expect_log("failed permanently").signal(signal.SIGTERM)
    records = [json.loads(line) for line in running.end().err.splitlines()]
    assert all(record.keys() >= {"time", "level", "logger", "message"} for record in records)
    assert {"info", "warning", "error"} <= {record["level"] for record in records}
    assert any(record["message"].startswith("draining") for record in records)


@pytest.mark.parametrize("arguments", [["--feed-stream", "x"], ["nowhere.yaml"], ["--feed", "events.jsonl"]])
def test_json_logs_include_the_final_error(lone_project: Project, arguments: list[str]) -> None:
    lone_project.env["REDIS_URL"] = "unix:///nowhere/socket"
    lone_project.routes(OK)
    lone_project.feed(event())
    done = lone_project.run("serve", "--log-format", "json", *arguments)
    assert done.code in {2, 4}
    assert json.loads(done.err)["level"] == "error"


# Exit codes


def test_a_message_that_failed_for_good_makes_it_1(project: Project) -> None:
    project.routes(OK, "name: bad, type: t, handler: jobs.fail")
    project.feed(event(1), event(2))
    done = project.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.code == 1
    assert done.out.splitlines()[1:] == [
        "events  ok           2          2       0",
        "events  bad          2          0       2",
    ]


def test_a_stopped_service_exits_with_0_despite_failures(project: Project) -> None:
    project.routes("name: bad, type: t, handler: jobs.fail")
    running = project.start("serve").expect_log("group tests")
    project.run("publish", "events", "--type", "t", "--data", '{"n": 1}')
    done = running.expect_log("failed permanently").signal(signal.SIGTERM).end()
    assert (done.code, done.out) == (0, "")
    assert project.dead() == 1


def test_a_configuration_without_routes_is_refused(lone_project: Project) -> None:
    lone_project.routes("name: off, type: t, handler: jobs.ok, enabled: false")
    done = lone_project.run("serve", "--drain")
    assert (done.code, done.out) == (1, "")
    assert done.err == "error: routes.yaml has no enabled route: there is nothing to serve\n"


def test_an_unreachable_server_prints_one_line_and_exits_with_4(lone_project: Project) -> None:
    port = free_port()
    lone_project.env["REDIS_URL"] = f"redis://user:hunter2@127.0.0.1:{port}/0?password=hunter2"
    lone_project.routes(OK)
    done = lone_project.run("serve", "--drain", "--log-level", "debug")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("error: Redis at ${REDIS_URL} refuses")
    assert "refuses the connection" in done.err
    assert done.err.count("\n") == 1
    assert "hunter2" not in done.err


def test_the_embedded_server_can_be_refused(lone_project: Project) -> None:
    lone_project.routes(OK)
    done = lone_project.run("serve", "--no-embedded")
    assert done.code == 4
    assert "the embedded server is refused here" in done.err
    assert not (lone_project.folder / ".streamroute").exists()


def test_the_embedded_server_is_announced_with_its_folder(lone_project: Project) -> None:
    lone_project.routes(OK)
    done = lone_project.run("serve", "--drain")
    folder = lone_project.folder / ".streamroute"
    assert f"warning: using an embedded server, which is for development; its data is in {folder}" in done.err
    assert (done.code, folder.is_dir()) == (0, True)


def test_an_embedded_server_that_is_killed_is_started_again_and_served(lone_project: Project) -> None:
    """No process needs a restart; events published later are handled."""
    lone_project.routes(OK)
    running = lone_project.start("serve")
    running.expect_log("stream events, group tests")
    lone_project.feed(event(1))
    assert lone_project.run("publish", "events", "events.jsonl").code == 0
    lone_project.notes("ok 1")
    record = json.loads((lone_project.folder / ".streamroute" / "server.lock").read_text())
    os.kill(record["pid"], signal.SIGKILL)
    running.expect_log("had ended; it was restarted")
    lone_project.feed(event(2))
    assert lone_project.run("publish", "events", "events.jsonl").code == 0
    lone_project.notes("ok 2")
    assert running.signal(signal.SIGTERM).end().code == 0


def test_a_key_of_another_type_prints_one_line_and_exits_with_1(project: Project) -> None:
    project.redis.set("events", "text")
    project.routes(OK)
    done = project.run("serve", "--drain")
    assert done.code == 1
    assert "error: the key events is a string, and streamroute needs a stream there; " in done.err
    assert "Traceback" not in done.err


# Feeding


def test_a_broken_line_is_named_and_earlier_lines_are_processed(project: Project) -> None:
    project.routes(OK)
    project.feed(event(1), "", event(2), '{"type": "t", "n": ', event(3))
    done = project.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.code == 1
    assert "error: events.jsonl:4: the line is not JSON: " in done.err
    assert "Traceback" not in done.err
    assert "published 2 events from events.jsonl to events" in done.err
    assert project.run("serve", "--drain").code == 0
    assert sorted(project.ledger) == ["ok 1", "ok 2"]


def test_an_open_pipe_is_served_as_it_comes_and_does_not_hold_the_end_up(project: Project) -> None:
    project.routes(OK)
    running = project.start("serve", "--feed", "-", "--drain", stdin=subprocess.PIPE)
    running.stdin.write(event(1).encode() + b"\n" + event(2).encode())
    running.stdin.flush()
    project.notes("ok 1")
    running.stdin.write(b"\n")
    running.stdin.flush()
    project.notes("ok 2")
    done = running.signal(signal.SIGTERM).end()
    assert done.code == 0
    assert "stopped before the drain was complete" in done.err
    assert "events  ok           2          2       0" in done.out


def test_a_pipe_that_ends_is_drained(project: Project) -> None:
    project.routes(OK)
    running = project.start("serve", "--feed", "-", "--drain", stdin=subprocess.PIPE)
    running.stdin.write(event(1).encode() + b"\n" + event(2).encode())
    running.stdin.close()
    assert running.end().code == 0
    assert sorted(project.ledger) == ["ok 1", "ok 2"]


TWO = ROUTES.replace("routes:", "  more: {group: tests}\n  silent: {}\nroutes:")


def test_with_several_streams_feed_needs_a_stream(project: Project) -> None:
    project.routes(f"stream: events, {OK}", "stream: more, name: m, type: t, handler: jobs.plain", head=TWO)
    project.feed(event(1))
    done = project.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.code == 2
    assert "--feed needs --feed-stream, one of: events, more" in done.err
    done = project.run("serve", "--feed", "events.jsonl", "--feed-stream", "mroe", "--drain")
    assert done.code == 2
    assert 'unknown stream "mroe"; did you mean "more"?' in done.err
    done = project.run("serve", "--feed", "events.jsonl", "--feed-stream", "silent", "--drain")
    assert done.code == 2
    assert 'the stream "silent" has no routes' in done.err
    done = project.run("serve", "--feed", "events.jsonl", "--feed-stream", "more", "--drain")
    assert (done.code, project.ledger) == (0, ["plain 1"])


# Draining


def test_retries_that_are_scheduled_are_waited_for(each_project: Project) -> None:
    each_project.routes("name: again, type: t, handler: jobs.fail_once")
    each_project.feed(event(1))
    done = each_project.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.code == 0, done.err
    assert done.out.splitlines()[1] == "events  again        1          1       0"
    assert each_project.ledger == ["try 1 1", "try 1 2"]


def test_a_drain_does_not_wait_for_later_entries(project: Project) -> None:
    """The handler holds the fed event until a later one, which never ends, has started."""
    project.routes("name: w, type: t, handler: jobs.wait", "name: n, type: later, handler: jobs.never")
    project.write("routes.yaml", (project.folder / "routes.yaml").read_text().replace("20s", "100ms"))
    project.feed(event(1))
    running = project.start("serve", "--feed", "events.jsonl", "--drain")
    running.expect_log("draining events up to ")
    project.notes("started 1")
    project.run("publish", "events", "--type", "later", "--data", '{"n": 2}')
    project.notes("started 2")
    project.write("go", "")
    assert running.end().code == 0
    assert project.ledger[2] == "done 1"
    assert project.pending() == 1


def test_a_worker_that_was_killed_is_finished_for(each_project: Project) -> None:
    each_project.routes(OK, "name: w, type: slow, handler: jobs.wait", head=SHORT_LEASE)
    each_project.feed(*(event(n) for n in range(40)), event(40, "slow"), event(41, "slow"))
    killed = each_project.start("serve", "--feed", "events.jsonl", "--drain")
    each_project.notes("started 41")
    assert killed.signal(signal.SIGKILL).end().code == -signal.SIGKILL
    each_project.write("go", "")
    done = each_project.run("serve", "--drain")
    assert done.code == 0, done.err
    effects = {line for line in each_project.ledger if not line.startswith("started")}
    assert effects == {*(f"ok {n}" for n in range(40)), "done 40", "done 41"}


# Stopping


def at_hangup(action: signal.Handlers) -> Callable[[], None]:
    """Return the SIGHUP disposition for a child process, independent of the tests' own."""

    def set_action() -> None:
        signal.signal(signal.SIGHUP, action)

    return set_action


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_lets_running_handlers_finish(project: Project, number: signal.Signals) -> None:
    project.routes("name: w, type: t, handler: jobs.wait")
    project.feed(event(1))
    running = project.start("serve", "--feed", "events.jsonl", preexec_fn=at_hangup(signal.SIG_DFL))
    project.notes("started 1")
    running.signal(number).expect_log("draining; a second signal exits immediately")
    project.write("go", "")
    assert running.end().code == 0
    assert project.ledger == ["started 1", "done 1"]
    assert project.pending() == 0


def test_a_terminal_that_closes_is_no_second_signal(project: Project) -> None:
    """Both the shell and the system may send the signal."""
    project.routes("name: w, type: t, handler: jobs.wait")
    project.feed(event(1))
    running = project.start("serve", "--feed", "events.jsonl", preexec_fn=at_hangup(signal.SIG_DFL))
    project.notes("started 1")
    running.signal(signal.SIGHUP).expect_log("draining").signal(signal.SIGHUP)
    project.write("go", "")
    assert running.end().code == 0


@pytest.mark.parametrize("others", [[signal.SIGINT], [signal.SIGINT, signal.SIGHUP]])
def test_simultaneous_signals_count_as_one(project: Project, others: list[signal.Signals]) -> None:
    """GNU timeout signals the command and then its group; a shell may forward the terminal's signal."""
    project.routes("name: w, type: t, handler: jobs.wait")
    project.feed(event(1))
    running = project.start("serve", "--feed", "events.jsonl", preexec_fn=at_hangup(signal.SIG_DFL))
    project.notes("started 1")
    running.signal(signal.SIGSTOP)
    for number in [signal.SIGTERM, *others]:
        running.signal(number)
    running.signal(signal.SIGCONT).expect_log("draining")
    project.write("go", "")
    assert running.end().code == 0
    assert project.ledger == ["started 1", "done 1"]


def test_under_nohup_a_terminal_that_closes_is_no_signal(project: Project) -> None:
    project.routes("name: w, type: t, handler: jobs.wait")
    project.feed(event(1))
    running = project.start("serve", "--feed", "events.jsonl", preexec_fn=at_hangup(signal.SIG_IGN))
    project.notes("started 1")
    running.signal(signal.SIGHUP)
    project.write("go", "")
    project.notes("done 1")
    assert "draining" not in running.err
    assert running.signal(signal.SIGTERM).end().code == 0


@pytest.mark.parametrize("handler", ["wait", "stubborn"])
def test_the_second_signal_ends_it_at_once(project: Project, handler: str) -> None:
    project.routes(f"name: w, type: t, handler: jobs.{handler}")
    project.feed(event(1))
    running = project.start("serve", "--feed", "events.jsonl")
    project.notes("started 1")
    running.signal(signal.SIGTERM).expect_log("draining")
    done = running.insist(signal.SIGINT).end()
    assert done.code == 128 + signal.SIGINT
    assert "exited immediately; unfinished entries stay pending" in done.err
    assert project.pending() == 1


def test_the_second_signal_ends_a_handler_that_blocks_the_event_loop(project: Project) -> None:
    project.routes("name: w, type: t, handler: jobs.blocking")
    project.feed(event(1))
    running = project.start("serve", "--feed", "events.jsonl", "--log-format", "json")
    project.notes("started 1")
    running.signal(signal.SIGTERM)
    assert running.insist(signal.SIGINT).end().code in {128 + signal.SIGINT, 128 + signal.SIGTERM}
    assert json.loads(running.err.splitlines()[-1])["message"].startswith("exited immediately")


@pytest.mark.parametrize("output_format", ["text", "json"])
def test_one_signal_ends_a_handler_that_blocks_the_event_loop(project: Project, output_format: str) -> None:
    project.routes("name: w, type: t, handler: jobs.blocking", head=ROUTES.replace("20s", "100ms"))
    project.feed(event(1))
    command = ("serve", "--feed", "events.jsonl", "--log-format", output_format)
    running = project.start(*command, program=("-c", SHORT_DEADLINE))
    project.notes("started 1")
    done = running.signal(signal.SIGTERM).end()
    assert done.code == 1
    assert done.err.count("not stopped after 0.6 s; exiting immediately") == 1
    assert output_format == "text" or json.loads(done.err.splitlines()[-1])["level"] == "error"
    assert project.pending() == 1


def test_a_signal_ends_serve_even_if_its_log_is_not_read(project: Project) -> None:
    """The pipe is full: every write blocks, including the last line."""
    project.routes("name: w, type: t, handler: jobs.blocking", head=ROUTES.replace("20s", "100ms"))
    project.feed(event(1))
    reading, writing = os.pipe()
    program = f"import os; os.dup2({writing}, 2)\n{SHORT_DEADLINE}"
    running = project.start("serve", "--feed", "events.jsonl", program=("-c", program), pass_fds=[writing])
    project.notes("started 1")
    while select.select([], [writing], [], 0)[1]:
        os.write(writing, b"x" * 4096)
    assert running.signal(signal.SIGTERM).end().code == 1
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize("handler", ["never", "stubborn", "never_in_a_thread"])
def test_a_handler_that_never_returns_is_cut_off_after_the_grace(project: Project, handler: str) -> None:
    project.routes(f"name: w, type: t, handler: jobs.{handler}", head=ROUTES.replace("20s", "100ms"))
    project.feed(event(1))
    running = project.start("serve", "--feed", "events.jsonl")
    project.notes("started 1")
    done = running.signal(signal.SIGTERM).end()
    assert done.code == 0
    assert "1 handler" in done.err
    assert project.pending() == 1


@pytest.mark.parametrize("handler", ["never", "never_in_a_thread"])
def test_a_handler_that_never_returns_is_drained_by_its_timeout(project: Project, handler: str) -> None:
    project.routes(f"name: w, type: t, timeout: 50ms, handler: jobs.{handler}")
    project.feed(event(1))
    done = project.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.code == 1
    assert done.out.splitlines()[1] == "events  w            1          0       1"
    assert project.dead() == 1


def test_a_handler_that_raises_system_exit_has_failed_and_nothing_more(project: Project) -> None:
    project.routes("name: x, type: x, handler: jobs.leave", OK)
    project.feed(event(1, "x"), event(2))
    done = project.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.code == 1
    assert done.out.splitlines()[1:] == [
        "events  x            1          0       1",
        "events  ok           1          1       0",
    ]


# Redis and its data


def test_redis_gone_in_the_middle_is_waited_for(
    lone_project: Project, start_server: Callable[..., RealServer]
) -> None:
    server = start_server(port=free_port(), append_only=True)
    lone_project.env["REDIS_URL"] = server.url
    lone_project.routes(OK, "name: w, type: slow, handler: jobs.wait")
    running = lone_project.start("serve", "--feed", "-", "--drain", stdin=subprocess.PIPE)
    running.stdin.write("".join(f"{event(n)}\n" for n in range(20)).encode() + event(20, "slow").encode())
    running.stdin.write(b"\n")
    running.stdin.flush()
    lone_project.notes("started 20")
    server.kill()
    running.expect_log("failed; retrying")
    running.stdin.write("".join(f"{event(n)}\n" for n in range(21, 40)).encode())
    running.stdin.close()
    running.expect_log("publishing to events failed")
    lone_project.write("go", "")
    lone_project.notes("done 20")
    server.start()
    done = running.end()
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    effects = set(lone_project.ledger)
    assert effects == {*(f"ok {n}" for n in range(40) if n != 20), "started 20", "done 20"}


def test_undecodable_entries_become_dead_letters_and_block_nothing(each_project: Project) -> None:
    each_project.routes(OK)
    entries: list[dict[Any, Any]] = [
        {"data": '{"n": 1}'},
        {"type": "t", "data": '{"n": '},
        {"type": "t", "data": "[1]"},
        {"type": b"\xff\xfe", "data": "{}"},
        {b"\xff": b"\xff"},
        {"type": "t", "data": json.dumps({"n": 5, "text": "x" * 5_000_000})},
    ]
    for fields in entries:
        each_project.redis.xadd("events", fields)
    done = each_project.run("serve", "--drain")
    assert done.code == 1
    assert done.out.splitlines()[1:] == [
        "events  ok                1          1       0",
        "events  (no route)        0          0       5",
    ]
    assert each_project.ledger == ["ok 5"]
    assert each_project.dead() == 5
    assert len(done.err) < 10_000


# Configuration


def test_an_edit_of_routes_yaml_alone_sends_the_same_events_elsewhere(project: Project) -> None:
    project.routes(OK)
    project.feed(event(1), event(2))
    project.run("serve", "--feed", "events.jsonl", "--drain")
    project.routes("name: ok, type: t, filter: n > `1`, handler: jobs.plain, with: {to: elsewhere}")
    project.run("serve", "--feed", "events.jsonl", "--drain")
    assert project.ledger == ["ok 1", "ok 2", "elsewhere 2"]


CONTAINER = """
import asyncio
from contextlib import asynccontextmanager
from jobs import note

def refuse():
    raise SystemExit("no DSN")

async def give_up():
    raise asyncio.CancelledError("no DSN")

@asynccontextmanager
async def shut_badly():
    yield None
    note("closing")
    raise ValueError("the pool is gone")
"""


@pytest.mark.parametrize(("factory", "error"), [("refuse", "SystemExit"), ("give_up", "CancelledError")])
def test_a_failing_container_prints_one_line_and_exits_with_1(
    project: Project, factory: str, error: str
) -> None:
    project.routes(OK, head=f"container: wiring.{factory}\n" + ROUTES)
    project.write("wiring.py", CONTAINER)
    done = project.run("serve", "--drain")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"error: container wiring.{factory} failed: {error}: no DSN\n"


def test_a_container_that_cannot_be_closed_is_reported_after_the_table(project: Project) -> None:
    project.routes(OK, head="container: wiring.shut_badly\n" + ROUTES)
    project.write("wiring.py", CONTAINER)
    project.feed(event(1))
    done = project.run("serve", "--feed", "events.jsonl", "--drain")
    assert done.code == 1
    assert "events  ok           1          1       0" in done.out
    expected = "error: closing the container wiring.shut_badly failed: ValueError: the pool is gone"
    assert done.err.splitlines()[-1] == expected
    assert project.ledger == ["ok 1", "closing"]


# Required rights


@pytest.mark.parametrize("options", [["--drain"], ["--feed", "events.jsonl", "--drain"]], ids=" ".join)
def test_the_documented_rights_are_enough(project: Project, options: list[str]) -> None:
    """The worker's line on the page of rights, with the additions of its table for these options."""
    project.routes(OK)
    project.feed(event())
    page = (DOCS / "guide" / "least-rights.md").read_text(encoding="utf-8")
    [line] = re.findall(r"^user worker on >change-me (.*)$", page, re.MULTILINE)
    added = [rights for option in options for rights in re.findall(rf"serve {option}` \| `(.*?)`", page)]
    rules = line.replace("bot_events", "events").replace(":bot:", ":tests:").split()
    rules += " ".join(added).split()
    project.redis.execute_command("ACL", "SETUSER", "worker", "reset", "on", ">pw", *rules)
    project.env["REDIS_URL"] = project.env["REDIS_URL"].replace("unix://", "unix://worker:pw@")
    done = project.run("serve", *options)
    assert done.code == 0, done.err


def test_a_group_that_was_renamed_is_named_with_what_it_left(project: Project) -> None:
    """It would run the whole stream again, and abandon what was pending."""
    project.routes(OK, "name: wait, type: w, handler: jobs.wait")
    running = project.start("serve")
    project.redis.xadd("events", {"type": "w", "data": '{"n": 1}'})
    project.notes("started 1")
    wait_until(lambda: project.redis.hlen("{events}:tests:routes"), "the routes that the group knows")
    assert running.signal(signal.SIGKILL).end().code == -signal.SIGKILL
    project.redis.hdel("{events}:tests:workers", *project.redis.hkeys("{events}:tests:workers"))
    renamed = ROUTES.replace("group: tests", "group: bookings")
    project.routes(OK, "name: wait, type: w, handler: jobs.wait", head=renamed)
    running = project.start("serve").expect_log("the group tests of events had routes of this configuration")
    assert (
        "1 pending, 0 retries; to take them over: formerly_group: tests; to drop them: XGROUP" in running.err
    )
    running.signal(signal.SIGKILL).end()
    project.routes(
        OK,
        "name: wait, type: w, handler: jobs.wait",
        head=renamed.replace("bookings", "new\n    formerly_group: tests"),
    )
    project.write("go", "")
    running = project.start("serve").expect_log("has replaced tests, with 1 entries")
    project.notes("done 1")
    assert running.signal(signal.SIGTERM).end().code == 0


def test_a_clone_that_holds_a_data_folder_is_refused_until_it_is_adopted(lone_project: Project) -> None:
    """A server executes the commands in its folder, and a repository may contain one."""
    lone_project.routes(OK)
    data = lone_project.folder / ".streamroute/appendonlydir"
    data.mkdir(parents=True)
    (data / "appendonly.aof.1.incr.aof").write_text("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n", newline="")
    (data / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")
    refused = lone_project.run("serve", "--drain")
    assert refused.code == 4
    assert "this user did not make it here" in refused.err
    assert "if it is yours, run once: streamroute serve --adopt-data" in refused.err
    assert sorted(path.name for path in data.parent.iterdir()) == ["appendonlydir"]
    assert lone_project.run("serve", "--drain", "--adopt-data").code == 0
    assert lone_project.run("serve", "--drain").code == 0
