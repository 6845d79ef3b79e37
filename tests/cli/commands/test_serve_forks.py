"""Handlers that fork the worker: its copy does nothing more, and the worker continues."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from projects import ROUTES, is_gone
from servers import wait_until

if TYPE_CHECKING:
    from projects import Project, Running

pytestmark = pytest.mark.processes

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


async def returns_in_a_thread_of_the_loop(payload):
    await asyncio.to_thread(fork)


def ends_by_itself(payload):
    """As multiprocessing and others do."""
    if fork():
        note("child's own", os.getpid())
        os._exit(0)
'''

OK = "name: ok, type: t, handler: jobs.ok"
SAYS = "made by os.fork() in user code, and ends"

OTHERS = """
import os
from jobs import fork, note
from streamroute.adapters.codecs.builtin import JsonCodec


async def ok(payload):
    note("ok", payload["n"], os.getpid())
"""
PROCESS = """
import multiprocessing


def process():
    made = multiprocessing.get_context("fork").Process(target=note, args=("process",))
    made.start()
    made.join()
    note("process ended with", made.exitcode)


"""
AT_IMPORT = "fork()"
IN_CONTAINERS = {
    "function": """
def container():
    fork()
""",
    "function that raises in the child": """
def container():
    if fork():
        raise ValueError("no database")
""",
    "coroutine": """
import asyncio

async def container():
    await asyncio.sleep(0)
    fork()
    await asyncio.sleep(0)
""",
    "coroutine, in a thread": """
import asyncio

async def container():
    await asyncio.to_thread(fork)
""",
    "context manager": """
from contextlib import asynccontextmanager

@asynccontextmanager
async def container():
    fork()
    yield
""",
    "context manager that is left": """
from contextlib import contextmanager

@contextmanager
def container():
    yield
    fork()
""",
}
IN_CODECS = {
    "factory": """
class Codec(JsonCodec):
    def __init__(self):
        super().__init__()
        fork()
""",
    "decode": """
class Codec(JsonCodec):
    has_forked = False
    def decode(self, fields):
        if not self.has_forked:
            self.has_forked = True
            fork()
        return super().decode(fields)
""",
    "decode that raises in the child": """
class Codec(JsonCodec):
    has_forked = False
    def decode(self, fields):
        if not self.has_forked:
            self.has_forked = True
            if fork():
                raise SystemExit
        return super().decode(fields)
""",
    "encode": """
class Codec(JsonCodec):
    has_forked = False
    def encode(self, payload):
        if not self.has_forked:
            self.has_forked = True
            fork()
        return super().encode(payload)
""",
}


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


@pytest.mark.parametrize(
    "handler", ["returns", "raises", "waits", "returns_in_a_thread", "returns_in_a_thread_of_the_loop"]
)
def test_the_copy_ends_and_touches_nothing(project: Project, handler: str) -> None:
    child, running = serve_forking(project, handler)
    assert (
        running.err.count(f"error: process {child} is a copy of process {running.process.pid}, {SAYS}") == 1
    )
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
    running = project.start("serve", "--workers", "1").expect_log("worker 1 is process")
    for number, kind in enumerate("tft"):
        project.redis.xadd("events", {"type": kind, "data": f'{{"n": {number}}}'})
    wait_until(lambda: any(line.startswith("ok 2 ") for line in project.ledger), "the last message")
    running.expect_log(SAYS)
    assert running.signal(signal.SIGTERM).end().code == 0
    assert "exited unexpectedly" not in running.err
    assert project.pending() == 0


def serve_others(project: Project, code: str, head: str = ROUTES) -> Running:
    """Serve ten messages while user code other than a handler forks once; its copy must end."""
    project.routes("name: ok, type: t, handler: others.ok", head=head)
    project.write("jobs.py", FORKS)
    project.write("others.py", OTHERS + code)
    project.feed(*(f'{{"type": "t", "n": {n}}}' for n in range(10)))
    running = project.start("serve", "--feed", "events.jsonl", "--drain", "--log-level", "debug")
    assert running.end().code == 0, running.err
    children = [int(line.split()[1]) for line in project.ledger if line.startswith("child ")]
    for child in children:
        wait_until(partial(is_gone, child), f"the end of the copy {child}")
    assert len(children) == running.err.count(SAYS) == running.err.count("error: ") == 1, running.err
    assert "Traceback" not in running.err
    handled = [line.split()[1:] for line in project.ledger if line.startswith("ok ")]
    assert sorted(handled) == [[str(n), str(running.process.pid)] for n in range(10)]
    assert project.pending() == 0
    assert project.dead() == 0
    return running


def test_a_module_that_forks_while_it_is_imported(project: Project) -> None:
    running = serve_others(project, AT_IMPORT)
    assert running.err.count("draining") <= 1
    assert running.err.count("serving ") == 1


@pytest.mark.parametrize("where", IN_CONTAINERS)
def test_a_container_that_forks(project: Project, where: str) -> None:
    head = ROUTES.replace("streams:", "container: others.container\nstreams:")
    serve_others(project, IN_CONTAINERS[where], head)


@pytest.mark.parametrize("where", IN_CODECS)
def test_a_codec_that_forks(project: Project, where: str) -> None:
    head = ROUTES.replace("group: tests", "group: tests\n    codec: others.Codec")
    serve_others(project, IN_CODECS[where], head)


def test_a_module_that_forks_is_checked_once(project: Project) -> None:
    project.routes("name: ok, type: t, handler: others.ok", "name: no, type: t, handler: others.no")
    project.write("jobs.py", FORKS)
    project.write("others.py", OTHERS + AT_IMPORT)
    done = project.run("check")
    assert done.code == 1
    assert done.out.count("SR402") == 1
    assert done.err.count(SAYS) == 1


def test_a_codec_that_forks_publishes_once(project: Project) -> None:
    head = ROUTES.replace("group: tests", "group: tests\n    codec: others.Codec")
    project.routes("name: ok, type: t, handler: others.ok", head=head)
    project.write("jobs.py", FORKS)
    project.write("others.py", OTHERS + IN_CODECS["encode"])
    project.feed(*(f'{{"type": "t", "n": {n}}}' for n in range(3)))
    done = project.run("publish", "events", "events.jsonl")
    assert done.code == 0, done.err
    assert project.redis.xlen("events") == 3


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("module", "process()"),
        ("container", "def container():\n    process()"),
        (
            "codec",
            "class Codec(JsonCodec):\n    def __init__(self):\n        super().__init__()\n        process()",
        ),
    ],
)
def test_children_of_multiprocessing_are_left_alone(project: Project, where: str, code: str) -> None:
    named = {
        "module": ROUTES,
        "container": ROUTES.replace("streams:", "container: others.container\nstreams:"),
        "codec": ROUTES.replace("group: tests", "group: tests\n    codec: others.Codec"),
    }
    project.routes("name: ok, type: t, handler: others.ok", head=named[where])
    project.write("jobs.py", FORKS)
    project.write("others.py", f"{OTHERS}{PROCESS}{code}\n")
    project.feed('{"type": "t", "n": 1}')
    done = project.run("serve", "--feed", "events.jsonl", "--drain")
    assert (done.code, done.err.count("error: ")) == (0, 0), done.err
    assert "process ended with 0" in project.ledger
