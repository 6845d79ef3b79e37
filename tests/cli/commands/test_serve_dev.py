"""The edit loop: serve --dev follows the code of handlers and the routes, however they are saved."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest

from projects import JOBS, ROUTES, is_gone
from servers import wait_until

if TYPE_CHECKING:
    from projects import Project, Running

pytestmark = pytest.mark.processes

OK = "name: ok, type: t, handler: jobs.ok"
WAIT = "name: wait, type: slow, handler: jobs.wait"
LIBRARY = "from library import name\nasync def ok(payload):\n    note(name, payload['n'])\n"


def publish(project: Project, n: int, kind: str = "t") -> None:
    project.redis.xadd("events", {"type": kind, "data": f'{{"n": {n}}}'})


def save(project: Project, code: str, *routes: str) -> None:
    """Save code and routes, as an editor does: each file is replaced by a renamed one."""
    texts = {"jobs.py": JOBS + code}
    if routes:
        texts["routes.yaml"] = ROUTES + "".join(f"  - {{{route}}}\n" for route in routes)
    for name, text in texts.items():
        project.write(f"{name}.tmp", text).replace(project.folder / name)


def handler(name: str) -> str:
    return f"async def {name}(payload):\n    note('{name}', payload['n'])\n"


def served(project: Project, *arguments: str, count: int = 1) -> Running:
    """Start serve --dev, and wait until its workers run."""
    project.env["STREAMROUTE_STATE_DIR"] = str(project.folder.parent / "state")
    running = project.start("serve", "--dev", *arguments)
    wait_until(lambda: len(processes(running)) == count, "the workers", 60)
    wait_until(lambda: consumers(project) == count or running.has_ended, "their consumers", 60)
    return running


def processes(running: Running) -> list[int]:
    """Return the pids of the workers, in the order of their start."""
    return [int(found) for found in re.findall(r"worker \d+ is process (\d+)", running.err)]


def consumers(project: Project) -> int:
    names = project.redis.keys("*events*")
    return len(project.redis.xinfo_consumers("events", "tests")) if b"events" in names else 0


def test_an_edit_of_code_is_live_and_what_runs_may_end(project: Project) -> None:
    project.routes(OK, WAIT)
    running = served(project)
    publish(project, 1, "slow")
    project.notes("started 1")
    save(project, handler("ok").replace("'ok'", "'new'"))
    running.expect_log("(file change): code changed: jobs.py")
    publish(project, 2)
    project.notes("new 2")
    project.write("go", "")
    project.notes("done 1")
    wait_until(lambda: is_gone(processes(running)[0]), "the end of the old worker", 60)
    end = running.signal(signal.SIGTERM).end()
    assert end.code == 0
    assert "Traceback" not in end.err
    assert project.pending() == 0
    assert all(is_gone(pid) for pid in processes(running))
    assert not (project.folder / "__pycache__").exists(), "compiled modules could be older than their source"


def test_code_and_routes_may_be_saved_together_or_one_after_the_other(project: Project) -> None:
    save(project, handler("one"), "name: one, type: t, handler: jobs.one")
    running = served(project, "--workers", "2", count=2)
    save(project, handler("two"), "name: two, type: t, handler: jobs.two")
    running.expect_log("1 route added: two; 1 route removed: one; code changed: jobs.py")
    assert "refused" not in running.err
    assert len(processes(running)) == 4
    publish(project, 2)
    project.notes("two 2")

    routes = (project.folder / "routes.yaml").read_text()
    project.write("new.yaml", routes.replace("two", "three")).replace(project.folder / "routes.yaml")
    running.expect_log('module "jobs" has no attribute "three"')
    save(project, handler("three"))
    running.expect_log("1 route added: three; 1 route removed: two; code changed: jobs.py")
    publish(project, 3)
    project.notes("three 3")

    save(project, handler("four"))
    wait_until(lambda: running.err.count('module "jobs" has no attribute "three"') == 2, "the refusal", 60)
    project.write("new.yaml", routes.replace("two", "four")).replace(project.folder / "routes.yaml")
    running.expect_log("1 route added: four; 1 route removed: three; code changed: jobs.py")
    publish(project, 4)
    project.notes("four 4")

    project.write("new.yaml", routes.replace("name: two", "name: five").replace("two", "four"))
    (project.folder / "new.yaml").replace(project.folder / "routes.yaml")
    running.expect_log("(file change): 1 route added: five; 1 route removed: four\n")
    assert running.signal(signal.SIGINT).end().code == 0


def test_broken_code_keeps_the_old_one(project: Project) -> None:
    project.routes(OK)
    running = served(project)
    lines = len(JOBS.splitlines())
    save(project, "def broken(:\n")
    running.expect_log(f"SyntaxError: invalid syntax (raised at jobs.py:{lines + 1})")
    publish(project, 1)
    project.notes("ok 1")
    assert processes(running)[0] not in filter(is_gone, processes(running))
    save(project, "import library\nraise SystemExit\n")
    running.expect_log("""could not import "jobs": ModuleNotFoundError: No module named 'library'""")
    project.write("library.py", "name = 'new'\n")
    running.expect_log('could not import "jobs": SystemExit')
    save(project, LIBRARY)
    running.expect_log("code changed: jobs.py, library.py")
    publish(project, 2)
    project.notes("new 2")
    assert running.err.count(" refused, ") == 3
    assert running.signal(signal.SIGTERM).end().code == 0


def test_modules_from_elsewhere_are_followed_too(project: Project) -> None:
    elsewhere = project.folder.parent / "elsewhere"
    elsewhere.mkdir()
    library = elsewhere / "library.py"
    library.write_text("name = 'one'\n")
    project.env["PYTHONPATH"] += f"{os.pathsep}{elsewhere}"
    save(project, LIBRARY, OK)
    running = served(project)
    library.write_text("name = 'two'\n")
    running.expect_log("(file change): code changed: ../elsewhere/library.py")
    publish(project, 2)
    project.notes("two 2")
    assert running.signal(signal.SIGTERM).end().code == 0


def test_code_that_cannot_be_imported_at_the_start_is_refused(project: Project) -> None:
    save(project, "def broken(:\n", OK)
    done = project.run("serve", "--dev", "--workers", "2")
    assert done.code == 1
    assert done.out.count("error[SR407]") == 1
    assert "raised at jobs.py:" in done.out
    assert "error: routes.yaml cannot be used: 1 error" in done.err


def test_it_runs_on_the_embedded_server(lone_project: Project) -> None:
    lone_project.routes(OK)
    lone_project.env["STREAMROUTE_STATE_DIR"] = str(lone_project.folder.parent / "state")
    running = lone_project.start("serve", "--dev").expect_log("worker 1 is process")
    save(lone_project, handler("ok").replace("'ok'", "'new'"))
    running.expect_log("(file change): code changed: jobs.py")
    lone_project.feed('{"type": "t", "n": 1}')
    assert lone_project.run("publish", "events", "events.jsonl").code == 0
    lone_project.notes("new 1")
    assert running.signal(signal.SIGTERM).end().code == 0


@pytest.mark.parametrize("arguments", [["--drain"], ["--feed", "-"], ["--drain", "--workers", "2"]])
def test_a_run_that_ends_by_itself_follows_nothing(lone_project: Project, arguments: list[str]) -> None:
    lone_project.routes(OK)
    done = lone_project.run("serve", "--dev", *arguments)
    assert done.code == 2
    assert "--dev cannot be combined with --drain or --feed" in done.err


def test_it_starts_with_the_files_on_disk(lone_project: Project) -> None:
    lone_project.routes(OK)
    done = lone_project.run("serve", "--dev", "--last-good")
    assert done.code == 2
    assert "--last-good cannot be combined with --dev" in done.err
