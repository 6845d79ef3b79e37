"""A running serve --workers changes its configuration: all workers together, through their supervisor."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from edited_projects import ONE, TWO, edit, publish, serve_an_edit, served, without_terminal
from metrics_scraper import Samples, Scraper
from servers import wait_until

if TYPE_CHECKING:
    from projects import Project, Running

pytestmark = pytest.mark.processes


@pytest.fixture
def state(project: Project) -> Project:
    """The project, with a state folder of its own."""
    project.env["STREAMROUTE_STATE_DIR"] = str(project.folder / "state")
    return project


WAIT = "name: w, type: slow, handler: jobs.wait"


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


def test_workers_are_reloaded_together_and_start_with_the_generation_that_runs(state: Project) -> None:
    running = served(state, "--reload", "--workers", "2", "--metrics", "127.0.0.1:0")
    metrics = Scraper(running)
    serve_an_edit(state, running)
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


def test_workers_of_a_bounded_run_have_the_last_good_generation_too(state: Project) -> None:
    assert served(state).signal(signal.SIGTERM).end().code == 0
    edit(state, TWO.replace("handler", "handlr"))
    publish(state, 1)
    done = state.run("serve", "--last-good", "--workers", "2", "--drain")
    assert done.code == 0, done.err
    assert "is NOT used: running the last good generation " in done.err
    assert state.ledger == ["one 1"]


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


def test_sighup_reloads_workers_through_their_supervisor_alone(state: Project) -> None:
    """``pkill -HUP`` reaches all of them; none of them ends."""
    options = ["--workers", "2", "--metrics", "127.0.0.1:0"]
    running = served(state, *options, preexec_fn=without_terminal)
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


def test_sighup_during_the_start_of_workers_is_served_when_they_run(state: Project) -> None:
    state.routes(ONE)
    jobs = (state.folder / "jobs.py").read_text()
    state.write("jobs.py", jobs + "\nnote('imported')\nwhile not (HERE / 'go').exists(): time.sleep(0.005)\n")
    running = state.start("serve", "--workers", "2", preexec_fn=without_terminal)
    state.notes("imported")
    edit(state, TWO)
    running.signal(signal.SIGHUP)
    state.write("go", "")
    running.expect_log("(SIGHUP): 1 route changed: ok")
    publish(state, 1)
    state.notes("two 1")
    assert running.signal(signal.SIGTERM).end().code == 0


def test_workers_that_drain_are_not_reloaded(state: Project) -> None:
    running = served(state, "--workers", "2", "--reload", more=WAIT, preexec_fn=without_terminal)
    publish(state, 1, "slow")
    state.notes("started 1")
    running.signal(signal.SIGTERM).expect_log("draining")
    edit(state, TWO, WAIT)
    running.signal(signal.SIGHUP).expect_log("SIGHUP is ignored: this process is stopping")
    done = state.run("reload")
    assert (done.code, done.out) == (1, "")
    assert "this process is stopping" in done.err
    state.write("go", "")
    end = running.end()
    assert (end.code, "refused" in end.err) == (0, False)
    assert state.ledger == ["started 1", "done 1"]
