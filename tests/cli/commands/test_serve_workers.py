"""``streamroute serve --workers N``: several processes that form one service."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from projects import ROUTES, SHORT_DEADLINE, SHORT_LEASE, is_gone
from servers import RealServer, valkey_binary, wait_until

if TYPE_CHECKING:
    from projects import Project, Running

pytestmark = pytest.mark.processes

OK = "name: ok, type: t, handler: jobs.ok"
WAIT = "name: wait, type: t, handler: jobs.wait"
BLOCKING = "name: blocking, type: t, handler: jobs.blocking"
FAIL = "name: fail, type: t, handler: jobs.fail, retry: {max_attempts: 1}"

POISON = """
import asyncio
import os
import signal


async def leaves(payload):
    await asyncio.sleep(0.2)  # what was read with it is settled by then
    os._exit(payload["code"])


async def kills(payload):
    await asyncio.sleep(0.2)
    os.kill(os.getpid(), signal.SIGKILL)
"""
LEAVES = "name: leaves, type: leaves, handler: poison.leaves"
KILLS = "name: kills, type: kills, handler: poison.kills"


def publish(project: Project, count: int) -> None:
    """Publish this many events to the stream."""
    project.feed(*(json.dumps({"type": "t", "n": n}) for n in range(count)))
    assert project.run("publish", "events", "events.jsonl").code == 0


def processes(running: Running) -> list[int]:
    """Return the pids of the workers, in the order of their start."""
    return [int(found) for found in re.findall(r"worker \d+ is process (\d+)", running.err)]


@pytest.mark.parametrize("count", ["1", "2"])
def test_a_drain_by_workers_is_counted_in_one_table(project: Project, count: str) -> None:
    project.routes(OK, FAIL)
    publish(project, 300)
    done = project.run("serve", "--workers", count, "--drain")
    assert done.code == 1, done.err
    assert len(re.findall("is process", done.err)) == int(count)
    assert done.out == (
        "stream  route  matched  succeeded  failed\n"
        "events  ok         300        300       0\n"
        "events  fail       300          0     300\n"
    )
    assert sorted(project.ledger) == sorted(
        [f"ok {n}" for n in range(300)] + [f"fail {n} 1" for n in range(300)]
    )


def test_a_worker_that_dies_is_started_again(project: Project) -> None:
    project.routes(OK)
    running = project.start("serve", "--workers", "2").expect_log("worker 2 is process")
    wait_until(lambda: len(processes(running)) == 2, "two workers")
    _wait_for_consumers(project, 2)
    os.kill(processes(running)[0], signal.SIGKILL)
    running.expect_log("exited unexpectedly (SIGKILL) after it was ready; restarting in 0.5s")
    wait_until(lambda: len(processes(running)) == 3, "a third worker")
    publish(project, 5)
    wait_until(lambda: len(project.ledger) == 5, "all events")
    assert running.signal(signal.SIGTERM).end().code == 0


def test_a_worker_that_dies_has_its_entries_named(project: Project) -> None:
    project.routes(WAIT)
    running = project.start("serve", "--workers", "1").expect_log("worker 1 is process")
    publish(project, 2)
    wait_until(lambda: len(project.ledger) == 2, "two handlers that wait")
    ids = [bytes(entry[0]).decode() for entry in project.redis.xrange("events")]
    (worker,) = processes(running)
    os.kill(worker, signal.SIGKILL)
    held = f"worker 1 (process {worker}) held 2 entries of events, which run again when its lease ends: "
    running.expect_log(held)
    line = next(line for line in running.err.splitlines() if held in line)
    assert all(entry_id in line for entry_id in ids)


def test_one_signal_drains_all_workers(project: Project) -> None:
    project.routes(WAIT)
    running = project.start("serve", "--workers", "2").expect_log("worker 2 is process")
    publish(project, 4)
    wait_until(lambda: len(project.ledger) == 4, "four handlers that wait")
    running.signal(signal.SIGINT).expect_log("draining")
    project.write("go", "")
    assert running.end().code == 0
    assert sorted(project.ledger)[:4] == [f"done {n}" for n in range(4)]
    assert all(is_gone(pid) for pid in processes(running))


def test_a_second_signal_stops_all_workers_at_once(project: Project) -> None:
    project.routes(WAIT)
    running = project.start("serve", "--workers", "2").expect_log("worker 2 is process")
    publish(project, 4)
    wait_until(lambda: len(project.ledger) == 4, "four handlers that wait")
    running.signal(signal.SIGTERM).expect_log("draining").insist(signal.SIGTERM)
    for pid in processes(running):
        wait_until(lambda pid=pid: is_gone(pid), f"the end of {pid}")  # type: ignore[misc]  # a default binds it
    assert len(project.ledger) == 4


def test_a_signalled_worker_drains(project: Project) -> None:
    """systemd signals every process of a service, and the supervisor its workers, at any later time."""
    project.routes(WAIT)
    running = project.start("serve", "--workers", "1").expect_log("worker 1 is process")
    publish(project, 1)
    project.notes("started 0")
    (worker,) = processes(running)
    os.kill(worker, signal.SIGTERM)
    running.expect_log("draining")
    time.sleep(0.6)  # longer than the time in which signals count as one
    os.kill(worker, signal.SIGTERM)
    running.signal(signal.SIGTERM).expect_log("a second signal exits immediately")
    project.write("go", "")
    assert running.end().code == 0
    assert project.ledger == ["started 0", "done 0"]


def test_a_worker_that_does_not_end_is_killed_after_the_grace(project: Project) -> None:
    """One is stopped and reacts to SIGKILL only; the other one blocks its event loop."""
    project.routes(BLOCKING, head=ROUTES.replace("grace: 20s", "grace: 100ms"))
    running = project.start("serve", "--workers", "2", program=("-c", SHORT_DEADLINE))
    _wait_for_consumers(project, 2)
    stopped = processes(running)[0]
    os.kill(stopped, signal.SIGSTOP)
    publish(project, 1)
    project.notes("started 0")
    done = running.signal(signal.SIGTERM).end()
    assert done.code == 1
    assert done.err.count("2 workers did not end within 0.6 s and will be killed") == 1
    assert all(is_gone(pid) for pid in processes(running))
    assert project.pending() == 1


def test_a_second_signal_leaves_no_worker_behind(project: Project) -> None:
    """Not even a stopped one, which does not see the end of its standard input."""
    project.routes(OK)
    running = project.start("serve", "--workers", "2").expect_log("worker 2 is process")
    _wait_for_consumers(project, 2)
    os.kill(processes(running)[1], signal.SIGSTOP)
    running.signal(signal.SIGTERM).expect_log("draining")
    assert running.insist(signal.SIGTERM).end().code == 128 + signal.SIGTERM
    for pid in processes(running):
        wait_until(lambda pid=pid: is_gone(pid), f"the end of {pid}")  # type: ignore[misc]  # a default binds it


def test_a_worker_that_blocks_does_not_outlive_its_supervisor(project: Project) -> None:
    project.routes(BLOCKING, head=ROUTES.replace("grace: 20s", "grace: 100ms"))
    reading, writing = os.pipe()
    option = f"--worker-report={writing}"
    worker = project.start(
        "serve",
        option,
        program=("-c", SHORT_DEADLINE),
        stdin=subprocess.PIPE,
        pass_fds=[writing],
    )
    publish(project, 1)
    project.notes("started 0")
    worker.stdin.close()
    done = worker.end()
    os.close(reading)
    os.close(writing)
    assert done.code == 1
    assert "the supervisor exited" in done.err


def test_workers_do_not_outlive_their_supervisor(project: Project) -> None:
    """A killed supervisor could no longer stop or restart them."""
    project.routes(OK)
    running = project.start("serve", "--workers", "2").expect_log("worker 2 is process")
    _wait_for_consumers(project, 2)
    running.signal(signal.SIGKILL).end()
    for pid in processes(running):
        wait_until(lambda pid=pid: is_gone(pid), f"the end of {pid}")  # type: ignore[misc]  # a default binds it
    assert running.err.count("the supervisor exited; draining") == 2


def test_a_worker_whose_supervisor_hangs_works_and_drains(project: Project) -> None:
    """It does not read the reports, so that the pipe finally fills up."""
    project.routes(OK)
    reading, writing = os.pipe()
    while select.select([], [writing], [], 0)[1]:
        os.write(writing, b"\n" * 4096)
    option = f"--worker-report={writing}"
    running = project.start("serve", option, stdin=subprocess.PIPE, pass_fds=[writing])
    publish(project, 3)
    wait_until(lambda: len(project.ledger) == 3, "all events")
    done = running.signal(signal.SIGTERM).end()
    running.stdin.close()
    os.close(reading)
    os.close(writing)
    assert done.code == 0
    assert "could not report to the supervisor: it does not read the pipe" in done.err


def test_a_worker_refuses_a_descriptor_that_is_not_a_pipe(project: Project) -> None:
    project.routes(OK)
    done = project.run("serve", "--worker-report", "77")
    assert done.code == 2
    assert "77 is not an open file descriptor" in done.err


def test_a_drain_continues_while_messages_kill_workers(project: Project) -> None:
    """The messages exist before the workers start, so that both die at once, by exit codes and by signals."""
    head = SHORT_LEASE.replace("lease: 1s", "lease: 1s\n    max_deliveries: 2")
    project.routes(OK, LEAVES, KILLS, head=head)
    project.write("poison.py", POISON)
    poison = [f'{{"type": "leaves", "code": {code}}}' for code in (1, 4, 0)] + ['{"type": "kills"}']
    project.feed(*poison, *(json.dumps({"type": "t", "n": n}) for n in range(20)))
    assert project.run("publish", "events", "events.jsonl").code == 0
    running = project.start("serve", "--workers", "2", "--drain")
    wait_until(lambda: project.dead() == 4 or running.has_ended, "four dead letters", timeout=120)
    wait_until(lambda: len(set(project.ledger)) == 20, "all other events")
    done = running.end()
    assert done.code == 1, done.err
    assert (project.pending(), project.dead()) == (0, 4)
    for how in ("exit code 1", "exit code 4", "exit code 0", "SIGKILL"):
        assert f"exited unexpectedly ({how}) after it was ready" in done.err


def test_a_supervisor_waiting_for_redis_ends_on_a_signal(lone_project: Project) -> None:
    with RealServer(valkey_binary()) as server:
        lone_project.env["REDIS_URL"] = server.url
        lone_project.routes(OK)
        running = lone_project.start("serve", "--workers", "2").expect_log("worker 2 is process")
        _wait_for_consumers(lone_project, 2)
        server.kill()
        for pid in processes(running):
            os.kill(pid, signal.SIGKILL)
        running.expect_log("reaching Redis failed; retrying")
        assert running.signal(signal.SIGTERM).end().code == 0


def test_a_setup_error_of_workers_ends_the_command_as_without_them(project: Project) -> None:
    project.routes(OK)
    with Redis.from_url(project.env["REDIS_URL"]) as client:
        client.set("events", "no stream")
    alone, many = project.run("serve"), project.run("serve", "--workers", "2")
    assert many.code == alone.code != 0


@pytest.mark.parametrize("count", ["1", "2"])
def test_a_feed_goes_without_workers(project: Project, count: str) -> None:
    project.routes(OK)
    project.feed()
    done = project.run("serve", "--workers", count, "--feed", "events.jsonl")
    assert done.code == 2
    assert "--feed cannot be combined with --workers" in done.err


def test_a_single_worker_is_restarted(project: Project) -> None:
    project.routes(OK)
    running = project.start("serve", "--workers", "1").expect_log("worker 1 is process")
    _wait_for_consumers(project, 1)
    os.kill(processes(running)[0], signal.SIGKILL)
    running.expect_log("worker 1 exited unexpectedly (SIGKILL)")
    publish(project, 3)
    wait_until(lambda: len(project.ledger) == 3, "all events")
    assert running.signal(signal.SIGTERM).end().code == 0


def test_without_workers_one_process_serves(project: Project) -> None:
    project.routes(OK)
    publish(project, 3)
    done = project.run("serve", "--drain")
    assert done.code == 0
    assert sorted(project.ledger) == ["ok 0", "ok 1", "ok 2"]
    assert "is process" not in done.err


def test_workers_share_an_embedded_server(project: Project) -> None:
    project.env["REDIS_URL"] = "embedded"
    project.routes(OK)
    running = project.start("serve", "--workers", "2").expect_log("worker 2 is process")
    publish(project, 20)
    wait_until(lambda: len(project.ledger) == 20, "all events")
    assert running.signal(signal.SIGTERM).end().code == 0


def _wait_for_consumers(project: Project, count: int) -> None:
    with Redis.from_url(project.env["REDIS_URL"]) as client:
        wait_until(lambda: _consumers(client) == count, f"{count} consumers")


def _consumers(client: Redis) -> int:
    return len(client.xinfo_consumers("events", "tests")) if client.exists("events") else 0
