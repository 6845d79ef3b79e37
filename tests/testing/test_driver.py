"""How a test app is driven: it is settled when nothing is left to do, and time may pass in any steps."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memory_projects import HANDLERS, write_project
from streamroute.compiler.resolve.importer import isolated_imports
from streamroute.testing import NotSettledError, TestApp

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 300


async def played(path: Path, events: list[tuple[int, str]], steps: list[int]) -> list[tuple[Any, ...]]:
    """Publish events after delays, let time pass in these steps, and return what ran, and when."""
    async with TestApp(path) as t:
        began = t.now
        for number, (delay, kind) in enumerate(events):
            await t.publish("events", kind, {"n": number, "seconds": delay + 0.25}, delay=delay)
        for step in steps:
            await t.advance(step)
        await t.advance(SECONDS - sum(steps))
        found = [
            (run.started.timestamp() - began, run.route, run.message["n"], run.attempt, run.result)
            for run in t.runs()
        ]
        return sorted(found) + sorted((letter.route, letter.attempt) for letter in t.dead_letters)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    events=st.lists(
        st.tuples(st.integers(0, 60), st.sampled_from(["plain", "fail", "later", "sleep"])),
        min_size=1,
        max_size=5,
    ),
    steps=st.lists(st.integers(1, 40), max_size=6),
)
def test_time_passes_in_any_steps(tmp_path: Path, events: list[tuple[int, str]], steps: list[int]) -> None:
    """What runs, and when, does not depend on how the test divides the time."""
    with isolated_imports(tmp_path):
        path = write_project(tmp_path)

        async def both() -> None:
            assert await played(path, events, steps) == await played(path, events, [])

        asyncio.run(both())


async def test_input_and_output_of_a_handler_is_waited_for(routes: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello " + await reader.readline())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def ask(_payload: dict[str, Any]) -> bytes:
        async with asyncio.timeout(5):  # of the test's clock: it does not pass
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"Ann\n")
            answered = await reader.read()
            writer.close()
            return answered

    async with server, TestApp(routes, handlers={"ok": ask}) as t:
        for _ in range(20):
            await t.publish("events", "t", {"n": 3})
        await t.settled()
        assert [run.returned for run in t.handled("ok")] == [b"hello Ann\n"] * 20
        await t.publish("events", "t", {"n": 3})
        await t.advance("1h")
        assert len(t.handled("ok")) == 21


async def test_a_task_of_the_container_has_the_time_of_the_test(routes: Path) -> None:
    container = """
BEATS = []


async def beat():
    while True:
        await asyncio.sleep(60)
        BEATS.append(asyncio.get_running_loop().time())


@contextlib.asynccontextmanager
async def build():
    task = asyncio.create_task(beat())
    yield "container"
    task.cancel()
"""
    write_project(routes.parent, handlers=f"import contextlib\n{HANDLERS}{container}")
    async with TestApp(routes) as t:
        await t.advance("1h")
        beats = sys.modules["memory_handlers"].BEATS
        assert beats == [60 * minute for minute in range(1, 61)]


async def grouped(_payload: dict[str, Any]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(5))
        group.create_task(asyncio.sleep(10))


async def fed(_payload: dict[str, Any]) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def feed() -> None:
        await asyncio.sleep(5)
        queue.put_nowait(1)

    feeding = asyncio.create_task(feed())
    await queue.get()
    await feeding


LOCK = asyncio.Lock()


async def locked(_payload: dict[str, Any]) -> None:
    async with LOCK:
        await asyncio.sleep(5)


@pytest.mark.parametrize("handler", [grouped, fed, locked], ids=lambda handler: handler.__name__)
async def test_a_handler_may_wait_for_what_waits_for_time(handler: Any, routes: Path) -> None:
    async with TestApp(routes, handlers={"ok": handler}) as t:
        for _ in range(2):
            await t.publish("events", "t", {"n": 3})
        await t.settled()
        assert len(t.running) == 2
        await t.advance(10)
        t.assert_handled("ok", times=2)


async def test_what_is_outside_is_waited_for_beside_what_sleeps(routes: Path) -> None:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()
    asked = asyncio.Event()

    async def ask(_payload: dict[str, Any]) -> None:
        asked.set()
        await asyncio.gather(asyncio.sleep(5), answer)

    async with TestApp(routes, handlers={"ok": ask}) as t:
        await t.publish("events", "t", {"n": 3})
        with pytest.raises(NotSettledError):
            await t.settled(within=0.3)
        settling = asyncio.create_task(t.settled())
        await asked.wait()
        answer.set_result("yes")
        await settling
        assert len(t.running) == 1
        await t.advance(5)
        t.assert_handled("ok", times=1)
