"""A supervisor of small stand-ins for workers: which ones it restarts, and when it ends."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from consuming import eventually, within_patience
from streamroute.incidents import Incident, Incidents
from streamroute.ops.metrics.counters import Counters
from streamroute.ops.reload.candidate import Candidate, ReloadCause, ReloadInterruptedError
from streamroute.ops.workers import supervisor as supervising
from streamroute.ops.workers.generations.target import WorkersTarget
from streamroute.ops.workers.reports import WorkerReports
from streamroute.ops.workers.restart_pause import RestartPauses
from streamroute.ops.workers.supervisor import Supervisor
from streamroute.system.file_record import FileRecord

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path

    from streamroute.ops.workers.report_pipe import ReportPipe

NO_REDIS = 4
LONG = 3600.0  # seconds that no test waits

# All workers record their lives in one file: one line for each step.
STUB = """
import json, os, select, signal, subprocess, sys

FOLDER, PIPE = sys.argv[1], int(sys.argv[2])

def note(word):
    with open(f"{FOLDER}/lives", "a") as lives:
        lives.write(word + "\\n")

def lives():
    try:
        return open(f"{FOLDER}/lives").read().split("\\n")[:-1]
    except FileNotFoundError:
        return []

def report(**said):
    os.write(PIPE, json.dumps(said).encode() + b"\\n")

def run():
    "Until SIGTERM, or the end of the lifeline."
    def leave(*_):
        note("drained")
        report(ready=True, ended=True)
        os._exit(0)
    # The signal may come before this waits: then only the pipe ends the wait.
    woken, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGTERM, leave)
    report(ready=True)
    note("runs")
    select.select([sys.stdin, woken], [], [])

"""
RUN = "run()"


SHORT = RestartPauses(first=0.001, unreachable=(0.001, 0.002))


async def at_once() -> None:
    """Redis is available."""


async def never() -> None:
    """Redis stays unavailable."""
    await asyncio.Event().wait()


class Stage:
    """A supervisor whose workers run ``script``, with a record of their steps."""

    def __init__(self, folder: Path, script: str, count: int, **settings: Any) -> None:
        self.folder = folder
        self.reports = WorkerReports(Counters({}))
        command = [sys.executable, "-I", "-S", "-c", STUB + script, str(folder)]
        quick = {
            "drain": False,
            "stop_timeout": LONG,
            "unreachable_code": NO_REDIS,
            "wait_until_reachable": at_once,
            "pauses": SHORT,
        }
        watched = Incidents(self.reports.ended.count_event)
        given: dict[str, Any] = quick | {"command": command, "incidents": watched} | settings
        self.supervisor = Supervisor(count=count, reports=self.reports, **given)

    @property
    def lives(self) -> list[str]:
        """The workers' recorded steps."""
        path = self.folder / "lives"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def died(self) -> int:
        """The number of workers counted as dead."""
        return self.reports.ended.event_total(Incident.WORKER_DIED)

    async def run(self) -> int:
        """Run to its end."""
        return int(await within_patience(self.supervisor.run()))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[int]]:
        """Run it beside the block, which must end it."""
        task = asyncio.create_task(self.supervisor.run())
        try:
            yield task
            with suppress(asyncio.CancelledError):
                await within_patience(task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, *words: str) -> None:
        """Wait until the workers' record equals this, and the supervisor has seen all of them start."""
        await eventually(lambda: self.lives == [*words], f"{words}")
        await eventually(lambda: len(self.supervisor._running) == self.supervisor.count, "all workers")


async def test_a_worker_that_was_ready_is_started_again_however_soon_it_ends(tmp_path: Path) -> None:
    """A message may have ended it, with any exit code, before any other worker was ready."""
    script = """
n = len(lives())
if n < 3:
    report(ready=True)
    note(f"exits {n}")
    os._exit(n)
run()
"""
    stage = Stage(tmp_path, script, 1)
    async with stage.running() as task:
        await stage.until("exits 0", "exits 1", "exits 2", "runs")
        assert len(stage.supervisor._running) == 1
        stage.supervisor.stop()
        assert await task == 0
    assert stage.died == 3


async def test_a_worker_whose_consumers_are_starting_is_started_again(tmp_path: Path) -> None:
    """The first of its streams is consumed while the others start: a message may have ended it."""
    script = """
if not lives():
    report(ready=False)
    note("exits")
    os._exit(1)
run()
"""
    stage = Stage(tmp_path, script, 1)
    async with stage.running():
        await stage.until("exits", "runs")
        stage.supervisor.stop()
    assert stage.lives == ["exits", "runs", "drained"]


@pytest.mark.parametrize("last_words", ["", "report(ready=False)\nreport(ready=False, ended=True)"])
async def test_a_worker_that_ends_before_it_was_ready_cannot_start(
    tmp_path: Path, last_words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With or without a report: it may have ended before its first one. The others drain."""
    script = f"""
try:
    os.mkdir(f"{{FOLDER}}/first")
except FileExistsError:
    signal.signal(signal.SIGTERM, lambda *_: (note("drained"), os._exit(0)))
    note("starts")
    sys.stdin.read()
else:
    while not lives():
        continue
    {last_words.replace(chr(10), "; ")}
    sys.exit(3)
"""
    stage = Stage(tmp_path, script, 2)
    assert await stage.run() == 3
    assert stage.lives == ["starts", "drained"]
    assert stage.died == 0
    assert re.search(r"worker \d could not start \(exit code 3\); stopping all workers", caplog.text)


async def test_a_crash_before_any_worker_was_ready_is_not_a_refusal(tmp_path: Path) -> None:
    script = """
if not lives():
    note("crashes")
    os.kill(os.getpid(), signal.SIGSEGV)
run()
"""
    stage = Stage(tmp_path, script, 1)
    async with stage.running():
        await stage.until("crashes", "runs")
        stage.supervisor.stop()
    assert stage.lives == ["crashes", "runs", "drained"]


@pytest.mark.parametrize("code", [1, 2, 3, NO_REDIS])
async def test_a_worker_that_cannot_start_after_a_crash_is_retried(tmp_path: Path, code: int) -> None:
    """A worker that was ready once can start: the cause is temporary."""
    script = f"""
n = len(lives())
if n == 0:
    report(ready=True)
    note("crashes")
    os.kill(os.getpid(), signal.SIGKILL)
if n < 4:
    note("cannot start")
    sys.exit({code})
run()
"""
    stage = Stage(tmp_path, script, 1)
    async with stage.running() as task:
        await stage.until("crashes", *3 * ["cannot start"], "runs")
        stage.supervisor.stop()
        assert await task == 0


async def test_a_worker_that_cannot_start_does_not_end_ready_ones(tmp_path: Path) -> None:
    script = """
try:
    os.mkdir(f"{FOLDER}/first")
except FileExistsError:
    while not lives():
        continue
    if "refused" not in lives():
        note("refused")
        sys.exit(1)
run()
"""
    stage = Stage(tmp_path, script, 2)
    async with stage.running() as task:
        await stage.until("runs", "refused", "runs")
        stage.supervisor.stop()
        assert await task == 0
    assert stage.died == 1


async def test_a_drain_ends_when_all_are_done(tmp_path: Path) -> None:
    """Some found a failure, which is the result, whichever worker ends last."""
    script = """
note("done")
report(ready=True)
report(ready=True, ended=True)
sys.exit(1 if len(lives()) == 1 else 0)
"""
    stage = Stage(tmp_path, script, 2, drain=True)
    assert await stage.run() in (0, 1)
    assert stage.lives == ["done", "done"]
    assert stage.died == 0


async def test_a_drain_fails_where_one_of_its_workers_does(tmp_path: Path) -> None:
    script = "report(ready=True, ended=True); sys.exit(1)"
    assert await Stage(tmp_path, script, 1, drain=True).run() == 1


@pytest.mark.parametrize(
    "end", ["report(ready=True, ended=True); sys.exit(3)", "sys.exit(1)", "report(ended=True); sys.exit(1)"]
)
async def test_a_worker_that_fails_in_a_drain_is_started_again(tmp_path: Path, end: str) -> None:
    """It could not be restarted after a crash, or has an exit code that is not a result."""
    script = f"""
n = len(lives())
note("life")
if n == 0:
    report(ready=True)
    os.kill(os.getpid(), signal.SIGKILL)
if n == 1:
    {end}
report(ready=True, ended=True)
"""
    stage = Stage(tmp_path, script, 1, drain=True)
    assert await stage.run() == 0
    assert stage.lives == 3 * ["life"]


@pytest.mark.parametrize("code", [0, 1])
async def test_a_worker_that_leaves_a_drain_without_a_last_report_is_started_again(
    tmp_path: Path, code: int
) -> None:
    """A handler may end the process with the exit code of a finished worker."""
    script = f"""
report(ready=True)
if not lives():
    note("killed")
    os._exit({code})
note("done")
report(ready=True, ended=True)
"""
    stage = Stage(tmp_path, script, 1, drain=True)
    assert await stage.run() == 0
    assert stage.lives == ["killed", "done"]
    assert stage.died == 1


async def test_without_redis_pauses_stay_short_and_do_not_lengthen_those_after_crashes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The last end is a crash despite its exit code, which was set by a handler."""
    script = f"""
n = len(lives())
note("life")
if n == 0:
    report(ready=True)
    os.kill(os.getpid(), signal.SIGKILL)
if n < 5:
    sys.exit({NO_REDIS})
if n == 5:
    report(ready=True)
    os._exit({NO_REDIS})
run()
"""
    stage = Stage(tmp_path, script, 1, pauses=replace(SHORT, unreachable=(0.1, 0.1)))
    async with stage.running():
        await stage.until(*7 * ["life"], "runs")
        stage.supervisor.stop()
    pauses = [float(found) for found in re.findall(r"restarting in ([\d.e-]+)s", caplog.text)]
    assert pauses == [0.001, *4 * [0.1], 0.002]


@pytest.mark.parametrize(
    ("life", "expected"), [("report(ready=True)", [1, 2, 4, 4, 4]), ("", [1, 2, 4, 8, 16])]
)
async def test_only_a_process_that_never_worked_is_restarted_with_growing_pauses(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    life: str,
    expected: list[int],
) -> None:
    """Messages that kill their workers delay the others by the longest pause between restarts, at most."""
    script = f"""
if len(lives()) < 5:
    note("life")
    {life}
    os.kill(os.getpid(), signal.SIGKILL)
run()
"""
    stage = Stage(tmp_path, script, 1, pauses=replace(SHORT, longest_at_work=0.004))
    async with stage.running():
        await stage.until(*5 * ["life"], "runs")
        stage.supervisor.stop()
    pauses = [float(found) for found in re.findall(r"restarting in ([\d.e-]+)s", caplog.text)]
    assert pauses == [n / 1000 for n in expected]


async def test_workers_are_restarted_only_once_redis_is_back(tmp_path: Path) -> None:
    requests, back = asyncio.Event(), asyncio.Event()

    async def reachable() -> None:
        requests.set()
        await back.wait()

    script = """
if not lives():
    report(ready=True)
    note("crashes")
    sys.exit(1)
run()
"""
    stage = Stage(tmp_path, script, 1, wait_until_reachable=reachable)
    async with stage.running():
        await within_patience(requests.wait())
        assert stage.lives == ["crashes"]
        back.set()
        await stage.until("crashes", "runs")
        stage.supervisor.stop()


async def test_stop_drains_all_workers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stage = Stage(tmp_path, RUN, 3)
    async with stage.running() as task:
        await stage.until(*3 * ["runs"])
        stage.supervisor.stop()
        assert await task == 0
    assert stage.lives == [*3 * ["runs"], *3 * ["drained"]]
    for number in (1, 2, 3):
        assert f"worker {number} exited (exit code 0) after it was ready" in caplog.text


IGNORES_SIGNALS = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
report(ready=True)
note("ignores signals")
sys.stdin.read()
"""


async def test_workers_beyond_the_timeout_are_killed_and_that_is_a_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(tmp_path, IGNORES_SIGNALS, 2, stop_timeout=0.1)
    async with stage.running() as task:
        await stage.until(*2 * ["ignores signals"])
        stage.supervisor.stop()
        assert await within_patience(task) == 1
    assert caplog.text.count("2 workers did not end within 0.1 s and will be killed") == 1
    assert caplog.text.count("exited (SIGKILL) after it was ready") == 2


async def test_workers_that_do_not_end_after_a_cancellation_are_killed(tmp_path: Path) -> None:
    stage = Stage(tmp_path, IGNORES_SIGNALS, 1, stop_timeout=0.1)
    async with stage.running() as task:
        await stage.until("ignores signals")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within_patience(task)


async def test_kill_ends_all_workers_at_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, IGNORES_SIGNALS, 2)
    async with stage.running() as task:
        await stage.until(*2 * ["ignores signals"])
        stage.supervisor.stop()
        stage.supervisor.kill()
        assert await within_patience(task) == 1


@pytest.mark.parametrize(("end", "code"), [("sys.exit(1)", 1), ("sys.exit(3)", 3), ("os._exit(1)", 1)])
async def test_a_worker_that_does_not_end_cleanly_is_no_success(tmp_path: Path, end: str, code: int) -> None:
    script = f"""
def leave(*_):
    {end}
signal.signal(signal.SIGTERM, leave)
report(ready=True)
note("runs")
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
signal.sigwait([signal.SIGTERM])
leave()
"""
    stage = Stage(tmp_path, script, 1)
    async with stage.running() as task:
        await stage.until("runs")
        stage.supervisor.stop()
        assert await within_patience(task) == code


CRASH = "report(ready=True); note('crashes'); os._exit(1)"


async def test_stop_ends_a_pause(tmp_path: Path) -> None:
    """Redis is not contacted before the pause is over."""
    requests = []

    async def reachable() -> None:
        requests.append("Redis")

    stage = Stage(tmp_path, CRASH, 1, wait_until_reachable=reachable, pauses=RestartPauses(first=LONG))
    async with stage.running() as task:
        await eventually(lambda: stage.died == 1)
        stage.supervisor.stop()
        assert await task == 0
    assert stage.lives == ["crashes"]
    assert requests == []


async def test_stop_ends_the_wait_for_redis(tmp_path: Path) -> None:
    stage = Stage(tmp_path, CRASH, 1, wait_until_reachable=never)
    async with stage.running() as task:
        await eventually(lambda: stage.died == 1)
        stage.supervisor.stop()
        assert await task == 0
    assert stage.lives == ["crashes"]


async def test_a_crash_after_a_long_run_counts_as_the_first(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(tmp_path, CRASH, 1, pauses=replace(SHORT, steady=0.0))
    async with stage.running():
        await eventually(lambda: stage.died >= 3)
        stage.supervisor.stop()
    pauses = re.findall(r"restarting in (\S+)s", caplog.text)
    assert set(pauses) == {"0.001"}


async def test_a_worker_ignores_signals_of_the_terminal(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "note(str(os.getsid(0) == os.getpid())); run()", 1)
    async with stage.running():
        await stage.until("True", "runs")
        stage.supervisor.stop()
    assert stage.lives == ["True", "runs", "drained"]


async def test_stop_before_the_start_starts_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RUN, 2)
    stage.supervisor.stop()
    assert await stage.run() == 0
    assert stage.lives == []


async def test_stop_reaches_a_worker_that_is_just_being_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Supervisor._start

    async def start_and_stop(supervisor: Supervisor, pipe: ReportPipe, channel: None) -> Process:
        process = await start(supervisor, pipe, channel)
        supervisor.stop()
        return process

    monkeypatch.setattr(Supervisor, "_start", start_and_stop)
    assert await Stage(tmp_path, RUN, 2).run() == 0


async def test_a_supervisor_that_is_cancelled_lets_its_workers_drain(tmp_path: Path) -> None:
    stage = Stage(tmp_path, RUN, 2)
    async with stage.running() as task:
        await stage.until(*2 * ["runs"])
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within_patience(task)
        assert stage.lives == [*2 * ["runs"], *2 * ["drained"]]


async def test_workers_are_signalled_once_for_several_signals_of_the_supervisor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may treat a second signal as impatience."""
    reported: list[int] = []
    terminate = supervising._terminate

    def tell(process: Process) -> None:
        reported.append(process.pid)
        terminate(process)

    monkeypatch.setattr(supervising, "_terminate", tell)
    stage = Stage(tmp_path, RUN, 2)
    async with stage.running() as task:
        await stage.until(*2 * ["runs"])
        stage.supervisor.stop()
        stage.supervisor.stop()
        task.cancel()
    assert len(reported) == len(set(reported)) == 2


async def test_a_supervisor_that_is_cancelled_in_a_pause_ends(tmp_path: Path) -> None:
    script = "report(ready=True); os._exit(1)"
    stage = Stage(tmp_path, script, 1, wait_until_reachable=never)
    async with stage.running() as task:
        await eventually(lambda: stage.died == 1)
        task.cancel()


async def test_the_end_of_a_worker_is_seen_while_its_children_live_on(tmp_path: Path) -> None:
    """They may keep its pipes open for any time."""
    script = """
if not lives():
    report(ready=True)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], pass_fds=[PIPE])
    note(str(child.pid))
    os._exit(1)
run()
"""
    stage = Stage(tmp_path, script, 1)
    async with stage.running():
        await eventually(lambda: stage.lives[1:] == ["runs"])
        stage.supervisor.stop()
    child = int(stage.lives[0])
    os.kill(child, signal.SIGKILL)


async def test_a_worker_that_the_system_cannot_start_is_retried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(tmp_path, RUN, 1, command=[str(tmp_path / "nothing")])
    async with stage.running() as task:
        await eventually(lambda: stage.died >= 2)
        stage.supervisor.stop()
        assert await task == 0
    assert "worker 1 exited unexpectedly ([Errno 2] No such file" in caplog.text


async def test_the_end_of_a_worker_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    script = """
match len(lives()):
    case 0:
        report(ready=True)
        note("killed")
        os.kill(os.getpid(), signal.SIGKILL)
    case 1:
        note("leaves")
        os._exit(7)
    case _:
        run()
"""
    stage = Stage(tmp_path, script, 1)
    async with stage.running():
        await stage.until("killed", "leaves", "runs")
        stage.supervisor.stop()
    assert "worker 1 exited unexpectedly (SIGKILL) after it was ready; restarting in 0.001s" in caplog.text
    assert "worker 1 exited unexpectedly (exit code 7) before it was ready; restarting" in caplog.text


def _kill(pid: int) -> None:
    """Kill a child, and leave its exit status to be read."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


async def test_a_signal_to_a_worker_that_has_just_ended_does_not_hide_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As a worker that is killed during a reload, which did not follow."""
    may_read_status = threading.Event()
    waitpid = os.waitpid

    def read_status_late(pid: int, options: int) -> tuple[int, int]:
        assert may_read_status.wait(LONG)
        return waitpid(pid, options)

    monkeypatch.setattr(os, "waitpid", read_status_late)
    stage = Stage(tmp_path, RUN, 1)
    async with stage.running():
        await stage.until("runs")
        [process] = stage.supervisor._running
        _kill(process.pid)
        stage.supervisor.replace(1)
        stage.supervisor.kill()
        may_read_status.set()
        await stage.until("runs", "runs")
        stage.supervisor.stop()
    assert "worker 1 exited unexpectedly (SIGKILL) after it was ready" in caplog.text
    assert "255" not in caplog.text


GENERATION = """
import socket
end = socket.socket(fileno=int(sys.argv[4]))
line = end.makefile("rb", 0).readline()
note(f"{sys.argv[3]} {json.loads(line)['step']}")
run()
"""


async def test_a_worker_gets_the_files_of_the_generation_each_time_it_starts(tmp_path: Path) -> None:
    nothing: Any = None
    record = FileRecord("routes.yaml", "/", None, {"routes.yaml": b"a"}, {}, {}, {}, {})
    running = Candidate("a", nothing, nothing, (), record, ReloadCause.START)
    target = WorkersTarget(running, lambda number: None)
    stage = Stage(tmp_path, GENERATION, 1, channel=target.channel, channel_option="--channel")
    async with stage.running() as task:
        await stage.until("--channel prepare", "runs")
        stage.supervisor.replace(7)
        stage.supervisor.replace(1)
        await stage.until(*["--channel prepare", "runs", "drained", "--channel prepare", "runs"])
        stage.supervisor.stop()
        assert await task == 0


async def test_a_worker_that_ends_during_a_reload_refuses_it(tmp_path: Path) -> None:
    nothing: Any = None
    record = FileRecord("routes.yaml", "/", None, {"routes.yaml": b"a"}, {}, {}, {}, {})
    running = Candidate("a", nothing, nothing, (), record, ReloadCause.START)
    target = WorkersTarget(running, lambda number: None)
    stage = Stage(tmp_path, GENERATION, 1, channel=target.channel, channel_option="--channel")
    async with stage.running() as task:
        await stage.until("--channel prepare", "runs")
        applying = asyncio.create_task(target.apply(running))
        [process] = stage.supervisor._running
        process.kill()
        with pytest.raises(ReloadInterruptedError, match="worker 1 has ended"):
            await within_patience(applying)
        stage.supervisor.stop()
        await task
