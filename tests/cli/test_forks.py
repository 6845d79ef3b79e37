"""Handlers that fork the worker: its copy does nothing more, and the worker goes on."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from projects import is_gone
from servers import wait_until

if TYPE_CHECKING:
    from projects import Project, Running

FORKS = '''
import asyncio
import os
from pathlib import Path

loop = None


def note(*words):
    with open(Path(__file__).parent / "ledger", "a") as ledger:
        ledger.write(" ".join(map(str, words)) + "\\n")


async def ok(payload):
    global loop
    loop = asyncio.get_running_loop()
    note("ok", payload["n"], os.getpid())


def fork():
    child = os.fork()
    if child:
        note("child", child)
    return child == 0


async def returns(payload):
    fork()


async def raises(payload):
    if fork():
        raise SystemExit


async def waits(payload):
    if fork():
        await loop.create_future()


def returns_in_a_thread(payload):
    fork()


def ends_by_itself(payload):
    """As multiprocessing and others do."""
    if fork():
        note("child's own", os.getpid())
        os._exit(0)
'''

OK = "name: ok, type: t, handler: jobs.ok"
SAYS = "is a copy of this worker, made by os.fork() in a handler, and ends"


def serve_forking(project: Project, handler: str) -> tuple[int, Running]:
    """Serve messages before and after one whose handler forks; return the child's pid."""
    project.routes(OK, f"name: forks, type: f, handler: jobs.{handler}")
    project.write("jobs.py", FORKS)
    types = ["t"] * 5 + ["f"] + ["t"] * 5
    project.feed(*(f'{{"type": "{kind}", "n": {n}}}' for n, kind in enumerate(types)))
    running = project.start("serve", "--feed", "events.jsonl", "--drain")
    assert running.end().code == 0, running.err
    (child,) = [int(line.split()[1]) for line in project.ledger if line.startswith("child ")]
    wait_until(lambda: is_gone(child), f"the end of the copy {child}")
    return child, running


@pytest.mark.parametrize("handler", ["returns", "raises", "waits", "returns_in_a_thread"])
def test_the_copy_ends_and_touches_nothing(project: Project, handler: str) -> None:
    child, running = serve_forking(project, handler)
    assert running.err.count(f"error: process {child} {SAYS}") == 1
    assert running.err.count("error: ") == 1
    handled = [line.split()[1:] for line in project.ledger if line.startswith("ok ")]
    assert [number for number, _ in handled] == ["0", "1", "2", "3", "4", "6", "7", "8", "9", "10"]
    assert {pid for _, pid in handled} == {str(running.process.pid)}
    assert project.pending() == 0
    assert project.dead() == 0


def test_a_child_that_ends_by_itself_is_left_alone(project: Project) -> None:
    child, running = serve_forking(project, "ends_by_itself")
    assert SAYS not in running.err
    assert f"child's own {child}" in project.ledger


def test_the_copy_of_a_worker_ends_alone(project: Project) -> None:
    """The supervisor sees neither an end of its worker nor a report of the copy."""
    project.routes(OK, "name: forks, type: f, handler: jobs.returns")
    project.write("jobs.py", FORKS)
    running = project.start("serve", "--workers", "1").says("worker 1 is process")
    for number, kind in enumerate("tft"):
        project.redis.xadd("events", {"type": kind, "data": f'{{"n": {number}}}'})
    wait_until(lambda: any(line.startswith("ok 2 ") for line in project.ledger), "the last message")
    running.says(SAYS)
    assert running.signal(signal.SIGTERM).end().code == 0
    assert "ended by itself" not in running.err
    assert project.pending() == 0
