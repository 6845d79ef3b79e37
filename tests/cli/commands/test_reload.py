"""A running serve changes its configuration, as users do it: by editing, by signals, by commands."""

from __future__ import annotations

import os
import pty
import re
import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from metrics_scraper import Samples, Scraper
from projects import ROUTES
from servers import wait_until

if TYPE_CHECKING:
    from projects import Project, Running

ONE = "name: ok, type: t, handler: jobs.ok, with: {to: one}"
TWO = ONE.replace("one", "two")


def publish(project: Project, n: int, kind: str = "t") -> None:
    project.redis.xadd("events", {"type": kind, "data": f'{{"n": {n}}}'})


def edit(project: Project, *routes: str) -> None:
    """Replace routes.yaml by a renamed file, as editors do."""
    project.write("new.yaml", ROUTES + "".join(f"  - {{{route}}}\n" for route in routes))
    (project.folder / "new.yaml").replace(project.folder / "routes.yaml")


@pytest.fixture
def state(project: Project) -> Project:
    """The project, with a state folder of its own."""
    project.env["STREAMROUTE_STATE_DIR"] = str(project.folder / "state")
    return project


def served(project: Project, *arguments: str, **settings: Any) -> Running:
    project.routes(ONE)
    return project.start("serve", *arguments, **settings).expect_log(
        "stream events, group tests: 1 route: ok"
    )


def test_an_edit_moves_events_and_a_bad_one_moves_nothing(state: Project) -> None:
    running = served(state, "--reload", "--metrics", "127.0.0.1:0")
    metrics = Scraper(running)
    assert metrics.samples()["config_last_reload_successful",] == 1
    publish(state, 1)
    state.notes("one 1")
    edit(state, TWO)
    running.expect_log("(file change): 1 route changed: ok")
    publish(state, 2)
    state.notes("two 2")
    edit(state, TWO.replace("handler", "handlr"))
    running.expect_log("reload (file change) refused, generation ")
    samples = metrics.samples()
    assert samples["config_last_reload_successful",] == 0
    assert [samples["config_reloads_total", result] for result in ("applied", "refused")] == [1, 1]
    [generation] = [key[1] for key in samples if key[0] == "config_info"]
    assert f"-> {generation} in " in running.err
    publish(state, 3)
    state.notes("two 3")
    done = state.run("reload")
    assert done.code == 1
    assert 'did you mean "handler"' in done.out
    assert done.err.startswith(f"error: process {running.process.pid}: reload (command) refused, generation ")
    done = state.run("rollback")
    assert done.code == 0, done.err
    assert "(rollback): 1 route changed: ok" in done.out
    assert "note: the files on disk differ" in done.err
    publish(state, 4)
    state.notes("one 4")
    end = running.signal(signal.SIGTERM).end()
    assert end.code == 0
    assert "Traceback" not in end.err
    assert state.pending() == 0


def test_sighup_reloads_a_service_and_is_ignored_while_it_drains(state: Project) -> None:
    """Both with and without --reload, and also while it starts."""
    state.routes(ONE, "name: w, type: slow, handler: jobs.wait")
    running = state.start("serve", preexec_fn=_without_terminal)
    running.expect_log("stream events, group tests: 2 routes: ok, w")
    edit(state, TWO, "name: w, type: slow, handler: jobs.wait")
    running.signal(signal.SIGHUP).expect_log("(SIGHUP): 1 route changed: ok")
    publish(state, 1, "slow")
    state.notes("started 1")
    running.signal(signal.SIGTERM).expect_log("draining")
    running.signal(signal.SIGHUP).expect_log("SIGHUP is ignored: this process is stopping")
    state.write("go", "")
    assert running.end().code == 0
    assert state.ledger == ["started 1", "done 1"]


def test_sighup_during_the_start_ends_nothing(state: Project) -> None:
    state.routes(ONE)
    jobs = (state.folder / "jobs.py").read_text()
    state.write("jobs.py", jobs + "\nnote('imported')\nwhile not (HERE / 'go').exists(): time.sleep(0.005)\n")
    running = state.start("serve", preexec_fn=_without_terminal)
    state.notes("imported")
    running.signal(signal.SIGHUP)
    state.write("go", "")
    running.expect_log("unchanged (SIGHUP): generation ")
    assert running.signal(signal.SIGTERM).end().code == 0


def _without_terminal() -> None:
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def test_a_terminal_that_closes_drains_the_service(state: Project) -> None:
    state.routes(ONE)
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(state.folder)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        log = os.open("log", os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 2)
        os.execve(sys.executable, [sys.executable, "-m", "streamroute", "serve"], state.env)  # noqa: S606 - forked
    log_file = state.folder / "log"
    wait_until(lambda: log_file.exists() and "group tests" in log_file.read_text(), "the start", 60)
    os.kill(pid, signal.SIGHUP)
    wait_until(lambda: "unchanged (SIGHUP)" in log_file.read_text(), "the reload", 60)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert "draining" in log_file.read_text()


def test_workers_are_reloaded_together_and_start_with_the_generation_that_runs(state: Project) -> None:
    running = served(state, "--reload", "--workers", "2", "--metrics", "127.0.0.1:0")
    metrics = Scraper(running)
    publish(state, 1)
    state.notes("one 1")
    edit(state, TWO)
    running.expect_log("(file change): 1 route changed: ok")
    publish(state, 2)
    state.notes("two 2")
    edit(state, TWO.replace("jobs.ok", "jobs.absent"))  # found by the import, in the workers
    running.expect_log("reload (file change) refused, generation ")
    assert re.search(r"worker [12]: 1 error", running.err)
    samples = metrics.samples()
    assert samples["config_last_reload_successful",] == 0
    assert [samples["config_reloads_total", result] for result in ("applied", "refused")] == [1, 1]
    kill_workers(running)
    publish(state, 3)
    state.notes("two 3")
    assert state.run("reload").code == 1
    edit(state, ONE)
    wait_until(lambda: running.err.count("1 route changed: ok") == 2, "the second reload", 60)
    assert "unchanged" in state.run("reload").out
    publish(state, 4)
    state.notes("one 4")
    assert running.signal(signal.SIGTERM).end().code == 0


@pytest.mark.processes
def test_workers_run_the_last_good_generation_until_the_file_is_mended(state: Project) -> None:
    assert served(state).signal(signal.SIGTERM).end().code == 0
    edit(state, TWO.replace("handler", "handlr"))
    options = ["--workers", "2", "--reload", "--metrics", "127.0.0.1:0"]
    running = state.start("serve", "--last-good", *options)
    running.expect_log("error").expect_log("routes.yaml is NOT used: running the last good generation ")
    metrics = Scraper(running)
    assert metrics.samples()["config_last_reload_successful",] == 0
    publish(state, 1)
    state.notes("one 1")
    kill_workers(running)
    publish(state, 2)
    state.notes("one 2")
    edit(state, TWO)
    running.expect_log("(file change): 1 route changed: ok")
    samples = metrics.until(both_run_it, "both workers on the new generation")
    assert samples["config_last_reload_successful",] == 1
    publish(state, 3)
    state.notes("two 3")
    assert running.signal(signal.SIGTERM).end().code == 0


@pytest.mark.processes
def test_workers_of_a_bounded_run_have_the_last_good_generation_too(state: Project) -> None:
    assert served(state).signal(signal.SIGTERM).end().code == 0
    edit(state, TWO.replace("handler", "handlr"))
    publish(state, 1)
    done = state.run("serve", "--last-good", "--workers", "2", "--drain")
    assert done.code == 0, done.err
    assert "is NOT used: running the last good generation " in done.err
    assert state.ledger == ["one 1"]


@pytest.mark.processes
def test_workers_roll_back_together_and_stay_there(state: Project) -> None:
    running = served(state, "--reload", "--workers", "2")
    publish(state, 1)
    state.notes("one 1")
    edit(state, TWO)
    running.expect_log("(file change): 1 route changed: ok")
    done = state.run("rollback")
    assert done.code == 0, done.err
    assert "(rollback): 1 route changed: ok" in done.out
    assert "note: the files on disk differ" in done.err
    kill_workers(running)
    publish(state, 2)
    state.notes("one 2")
    assert state.run("rollback", "ffff").code == 1
    edit(state, ONE.replace("one", "three"))
    wait_until(lambda: running.err.count("(file change): 1 route changed: ok") == 2, "the reload", 60)
    publish(state, 3)
    state.notes("three 3")
    end = running.signal(signal.SIGTERM).end()
    assert (end.code, "Traceback" in end.err) == (0, False)


@pytest.mark.processes
def test_sighup_reloads_workers_through_their_supervisor_alone(state: Project) -> None:
    """``pkill -HUP`` reaches all of them; none of them ends."""
    options = ["--workers", "2", "--metrics", "127.0.0.1:0"]
    running = served(state, *options, preexec_fn=_without_terminal)
    Scraper(running).until(lambda samples: samples["processes",] == 2, "both workers")
    edit(state, TWO)
    for pid in workers(running):
        os.kill(pid, signal.SIGHUP)
    wait_until(lambda: running.err.count("the supervisor reloads its workers") == 2, "both lines", 60)
    running.signal(signal.SIGHUP).expect_log("(SIGHUP): 1 route changed: ok")
    publish(state, 2)
    state.notes("two 2")
    end = running.signal(signal.SIGTERM).end()
    assert (end.code, "exited unexpectedly" in end.err) == (0, False)


def both_run_it(samples: Samples) -> bool:
    """Return whether both workers run the generation of the supervisor."""
    [generation] = [key[1] for key in samples if key[0] == "config_info"]
    return {key[1]: count for key, count in samples.items() if key[0] == "config_processes"} == {
        generation: 2
    }


def workers(running: Running) -> list[int]:
    """Return the pids of all workers so far."""
    return [int(pid) for pid in re.findall(r"worker \d is process (\d+)", running.err)]


def kill_workers(running: Running) -> None:
    """Kill both workers, and wait until they are started again."""
    for pid in workers(running):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(workers(running)) == 4, "new workers", 60)


def test_a_bad_file_at_the_start_runs_the_last_good_generation_if_asked(state: Project) -> None:
    assert served(state).signal(signal.SIGTERM).end().code == 0
    edit(state, TWO.replace("handler", "handlr"))
    assert state.run("serve").code == 1
    running = state.start("serve", "--last-good").expect_log("is NOT used: running the last good generation")
    publish(state, 1)
    state.notes("one 1")
    assert running.signal(signal.SIGTERM).end().code == 0


@pytest.mark.parametrize("arguments", [["--drain"], ["--feed", "-"]])
def test_reload_is_for_services(lone_project: Project, arguments: list[str]) -> None:
    lone_project.routes(ONE)
    done = lone_project.run("serve", "--reload", *arguments)
    assert done.code == 2
    assert "--reload cannot be combined with --drain or --feed" in done.err


@pytest.mark.parametrize("command", [["reload"], ["rollback"], ["rollback", "abcd"]])
def test_without_a_running_service_it_is_an_error(state: Project, command: list[str]) -> None:
    state.routes(ONE)
    done = state.run(*command)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: no running serve of routes.yaml was found")


def test_a_configuration_that_does_not_exist_is_a_usage_error(state: Project) -> None:
    assert state.run("reload").code == 2
    assert state.run("rollback", "nonsense").code == 2
    done = state.run("rollback", "xyz", "routes.yaml")
    assert done.code == 2
    assert '"xyz" is not four or more hexadecimal digits of a hash' in done.err
