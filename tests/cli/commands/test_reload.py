"""A running serve changes its configuration, as users do it: by editing, by signals, by commands."""

from __future__ import annotations

import os
import pty
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from edited_projects import ONE, TWO, edit, publish, serve_an_edit, served, without_terminal
from metrics_scraper import Scraper
from servers import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from projects import Project


@pytest.fixture
def state(project: Project) -> Project:
    """The project, with a state folder of its own."""
    project.env["STREAMROUTE_STATE_DIR"] = str(project.folder / "state")
    return project


def test_an_edit_moves_events_and_a_bad_one_moves_nothing(state: Project) -> None:
    running = served(state, "--reload", "--metrics", "127.0.0.1:0")
    metrics = Scraper(running)
    assert metrics.samples()["config_last_reload_successful",] == 1
    serve_an_edit(state, running)
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
    done = state.run("rollback", "3f2")
    assert (done.code, "not four or more hexadecimal digits" in done.err) == (2, True), done
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
    running = state.start("serve", preexec_fn=without_terminal)
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
    running = state.start("serve", preexec_fn=without_terminal)
    state.notes("imported")
    running.signal(signal.SIGHUP)
    state.write("go", "")
    running.expect_log("unchanged (SIGHUP): generation ")
    assert running.signal(signal.SIGTERM).end().code == 0


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


def test_a_bad_file_at_the_start_runs_the_last_good_generation_if_asked(state: Project) -> None:
    assert served(state).signal(signal.SIGTERM).end().code == 0
    edit(state, TWO.replace("handler", "handlr"))
    assert state.run("serve").code == 1
    running = state.start("serve", "--last-good").expect_log("is NOT used: running the last good generation")
    publish(state, 1)
    state.notes("one 1")
    assert running.signal(signal.SIGTERM).end().code == 0


SLOW_CLICK = """
import importlib, pathlib, sys, time
here = pathlib.Path(__file__).parent
(here / "importing").touch()
while not (here / "go").exists():
    time.sleep(0.005)
sys.path.remove(str(here))
del sys.modules["click"]
import click
"""


def slow_imports(project: Project) -> Path:
    """Make the imports of the command line wait for a file ``go`` in the returned folder."""
    folder = project.folder / "slow"
    folder.mkdir()
    (folder / "click.py").write_text(SLOW_CLICK)
    project.env["PYTHONPATH"] = str(folder)
    return folder


@pytest.mark.parametrize("arguments", [(), ("--drain",)])
def test_sighup_while_serve_is_imported(state: Project, arguments: tuple[str, ...]) -> None:
    """A service reloads, since a service manager may be quick; a run that ends by itself is ended."""
    state.routes(ONE)
    folder = slow_imports(state)
    running = state.start("serve", *arguments, preexec_fn=without_terminal)
    wait_until((folder / "importing").exists, "the imports")
    running.signal(signal.SIGHUP)
    (folder / "go").touch()
    if arguments:
        assert running.end().code == -signal.SIGHUP
        return
    running.expect_log("unchanged (SIGHUP): generation ")
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
