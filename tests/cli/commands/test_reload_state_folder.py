"""The state folder of a running serve: unusable, full, or shared by two of them."""

from __future__ import annotations

import json
import resource
import signal
from typing import TYPE_CHECKING

import pytest

from projects import JOBS, ROUTES
from servers import wait_until
from streamroute.ops.reload.control.socket_files import find_control_sockets

if TYPE_CHECKING:
    from collections.abc import Callable

    from projects import Project, Running

SMALL = 100_000
"""Bytes: more than the log has, and less than the configuration."""
PADDING = ("# " + 98 * "x" + "\n") * (2 * SMALL // 100)


def write(project: Project, name: str) -> None:
    """Write the configuration whose only route notes this name."""
    route = f"  - {{name: ok, type: t, handler: jobs.ok, with: {{to: {name}}}}}\n"
    project.write("new.yaml", f"{ROUTES}{route}{PADDING}").replace(project.folder / "routes.yaml")


def served(
    project: Project, folder: str, limit: Callable[[], None] | None = None, name: str = "one"
) -> Running:
    """Start to serve with this state folder."""
    project.env["STREAMROUTE_STATE_DIR"] = folder
    project.write("jobs.py", JOBS)
    write(project, name)
    running = project.start("serve", preexec_fn=limit)
    return running.expect_log("stream events, group tests: 1 route: ok")


def limit_files() -> None:
    """Files of this process are limited as a full disk limits them."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))


@pytest.mark.parametrize(
    ("folder", "limit", "reason"),
    [("state", limit_files, "File too large"), ("jobs.py/state", None, "it is a link, or not a folder")],
    ids=["full", "below a file"],
)
def test_without_a_usable_state_folder_it_reloads_and_says_once_that_nothing_is_kept(
    project: Project, folder: str, limit: Callable[[], None] | None, reason: str
) -> None:
    running = served(project, folder, limit)
    write(project, "two")
    done = project.run("reload")
    assert (done.code, "1 route changed: ok" in done.out) == (0, True), done.err
    project.redis.xadd("events", {"type": "t", "data": '{"n": 1}'})
    project.notes("two 1")
    assert project.run("rollback").code == 1
    end = running.signal(signal.SIGTERM).end()
    assert end.code == 0
    [warning] = [line for line in end.err.splitlines() if " warning" in line]
    assert "is not kept for a rollback" in warning
    assert reason in warning
    assert not [*project.folder.glob("state/**/*.yaml")]


def listed(project: Project) -> list[list[int]]:
    """Return for each stored generation the processes that run it."""
    done = project.run("generations", "--format", "json")
    assert (done.code, done.err) == (0, "")
    return [each["processes"] for each in json.loads(done.out)]


def test_two_that_share_a_state_folder_are_both_reloaded_and_keep_one_history(project: Project) -> None:
    both = [served(project, "state"), served(project, "state", name="two")]
    pids = [running.process.pid for running in both]
    state = project.folder / "state"  # the sockets are elsewhere if its path is long
    wait_until(lambda: len(find_control_sockets(state)) == 2, "a socket of each")
    wait_until(lambda: len(listed(project)) == 2, "both generations")
    assert listed(project) == [[pids[1]], [pids[0]]], "each has its own, the latest first"
    done = project.run("reload")
    assert done.code == 0, done.err
    assert sorted(int(line.split()[1].rstrip(":")) for line in done.out.splitlines()) == sorted(pids)
    current, before = listed(project)
    assert (sorted(current), before) == (sorted(pids), [])
    both[0].signal(signal.SIGTERM).end()
    write(project, "three")
    assert project.run("reload").code == 0
    wait_until(lambda: len(listed(project)) == 3, "the third generation")
    assert f"  process {pids[1]}  " in project.run("generations").out
    done = project.run("rollback")
    assert done.code == 0, done.err
    project.redis.xadd("events", {"type": "t", "data": '{"n": 1}'})
    project.notes("two 1")
    assert both[1].signal(signal.SIGTERM).end().code == 0
    assert find_control_sockets(state) == []
