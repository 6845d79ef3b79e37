"""Programs that run a configuration, as processes: however they end, no message is lost."""

from __future__ import annotations

import signal
from itertools import count
from typing import TYPE_CHECKING, Final

import pytest

from projects import SHORT_LEASE, is_gone
from servers import wait_until
from streamroute.keys import GroupKeys, PauseKeys

if TYPE_CHECKING:
    from projects import Project, Running

PROGRAM: Final = """
import asyncio, logging, sys
import streamroute

logging.basicConfig(level=logging.INFO)

async def main():
    async with streamroute.open("routes.yaml", reload="reload" in sys.argv) as app:
        await app.run(signals="signals" in sys.argv)

asyncio.run(main())
"""
WAITS: Final = "name: a, type: t, handler: jobs.wait"


def started(project: Project, *words: str) -> Running:
    """Start a program that consumes."""
    project.write("program.py", PROGRAM)
    return project.start(*words, program=("-u", "program.py")).expect_log("consuming events")


def publish(project: Project, number: int) -> None:
    """Publish an event."""
    project.redis.xadd("events", {"type": "t", "data": f'{{"n": {number}}}'})


def go(project: Project) -> None:
    """Let the handlers end."""
    project.write("go", "")


def test_another_program_finishes_what_a_killed_one_began(project: Project) -> None:
    project.routes(WAITS, head=SHORT_LEASE)
    first = started(project)
    publish(project, 1)
    project.notes("started 1")
    first.signal(signal.SIGKILL).end()
    assert project.pending() == 1
    go(project)
    second = started(project, "signals")
    project.notes("done 1")
    assert second.signal(signal.SIGTERM).end().code == 0
    assert (project.ledger, project.pending()) == (["started 1", "started 1", "done 1"], 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_program_that_listens_to_signals_drains(project: Project, number: signal.Signals) -> None:
    project.routes(WAITS)
    program = started(project, "signals")
    publish(project, 1)
    project.notes("started 1")
    program.signal(number).expect_log("draining")
    go(project)
    assert program.end().code == 0
    assert (project.ledger, project.pending()) == (["started 1", "done 1"], 0)


def test_ctrl_c_cancels_the_run_which_drains(project: Project) -> None:
    """Python's own handler of SIGINT cancels the program's main task."""
    project.routes(WAITS)
    program = started(project)
    publish(project, 1)
    project.notes("started 1")
    program.signal(signal.SIGINT)
    go(project)
    assert "KeyboardInterrupt" in program.end().err
    assert (project.ledger, project.pending()) == (["started 1", "done 1"], 0)


def test_a_second_signal_kills_and_nothing_is_lost(project: Project) -> None:
    project.routes(WAITS, head=SHORT_LEASE)
    program = started(project, "signals")
    publish(project, 1)
    project.notes("started 1")
    program.signal(signal.SIGTERM).expect_log("draining")

    def is_killed() -> bool:
        program.process.send_signal(signal.SIGTERM)
        return program.process.poll() is not None

    wait_until(is_killed, "the end of the program")
    assert (program.end().code, project.pending()) == (-signal.SIGTERM, 1)
    go(project)
    started(project)
    project.notes("done 1")


def test_pauses_and_the_commands_that_set_them_apply(project: Project) -> None:
    project.routes("name: a, type: t, handler: jobs.ok")
    program = started(project, "signals")
    publish(project, 1)
    project.notes("ok 1")
    assert project.run("pause", "a", "--reason", "of a test").code == 0
    parked = PauseKeys.of(GroupKeys.of("events", "tests")).parked
    numbers = count(2)

    def is_parked() -> bool:
        publish(project, next(numbers))  # the program notices the pause within a second
        return bool(project.redis.zcard(parked))

    wait_until(is_parked, "a parked message")
    assert project.run("resume", "a").code == 0
    last = next(numbers)
    publish(project, last)
    wait_until(lambda: len(project.ledger) == last, "every message")
    assert program.signal(signal.SIGTERM).end().code == 0


def test_commands_see_the_program(project: Project) -> None:
    project.routes("name: a, type: t, handler: jobs.ok")
    program = started(project, "reload", "signals")
    publish(project, 1)
    project.notes("ok 1")
    pid = program.process.pid
    assert f"process {pid}: unchanged" in project.run("reload").out
    project.routes("name: b, type: t, handler: jobs.ok, with: {to: b}")
    wait_until(lambda: "reloaded" in program.err, "the reload")
    publish(project, 2)
    project.notes("b 2")
    wait_until(lambda: f" {pid} " in project.run("status").out, "the program in the status")
    assert program.signal(signal.SIGTERM).end().code == 0
    assert f" {pid} " not in project.run("status").out
    assert is_gone(pid)
