"""A new configuration replaces the running one between messages, and nothing waits for it."""

from __future__ import annotations

import asyncio
import sys
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from consuming import eventually
from reloads import Reloadable, reloadable
from streamroute.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis.asyncio import Redis


@pytest.fixture
def project(tmp_path: Path, redis_url: str) -> Iterator[Reloadable]:
    yield from reloadable(tmp_path, redis_url)


def config(name: str, *, gate: str = "", stream: str = "", container: str = "held.build") -> str:
    """A configuration whose route notes its own name."""
    return f"""
container: {container}
streams: {{events: {{group: g, {stream}}}}}
routes: [{{name: {name}, type: t, handler: held.note, with: {{by: {name}, gate: "{gate}"}}}}]
"""


async def test_a_message_ends_on_the_generation_that_decoded_it(project: Reloadable) -> None:
    async with project.running(config("one", gate="g")) as app:
        first = app.generation
        await project.publish(1)
        await eventually(lambda: project.handlers.ran)
        second = await project.reload(config("two"))
        assert app.generation == second != first
        await project.publish(2)
        await eventually(lambda: project.ended() == {2: ("two", 2)})
        assert (app.old_generations(), project.handlers.closed) == ([(first, 1)], [])
        project.open_gate("g")
        await eventually(lambda: not app.old_generations())
        assert project.handlers.closed == [1]
    assert project.ended() == {1: ("one", 1), 2: ("two", 2)}
    assert project.handlers.closed == [1, 2]


async def test_a_discarded_generation_is_closed_and_changes_nothing(project: Reloadable) -> None:
    async with project.running(config("one")) as app:
        running = app.generation
        await app.discard(await project.prepare(config("two")))
        assert (app.generation, project.handlers.closed) == (running, [2])
        await project.publish(1)
        await eventually(lambda: project.ended() == {1: ("one", 1)})
        await project.reload(config("three"))
        await eventually(lambda: project.handlers.closed == [2, 1])


async def test_one_generation_is_prepared_at_a_time(project: Reloadable) -> None:
    async with project.running(config("one")) as app:
        await project.prepare(config("two"))
        with pytest.raises(SetupError, match=r"^another generation is being prepared$"):
            await project.prepare(config("three"))
        assert project.handlers.opened == [1, 2]
    assert project.handlers.closed == [2, 1], "what is prepared is closed with the app"
    assert app.old_generations() == []


async def test_a_reload_beyond_the_limit_waits_and_says_so(
    project: Reloadable, caplog: pytest.LogCaptureFixture
) -> None:
    async with project.running(config("r1", gate="1", stream="concurrency: 9")) as app:
        names = []
        for number in range(1, 5):
            names.append(app.generation)
            await project.publish(number)
            await eventually(partial(project.has_started, number))
            if number < 4:
                await project.reload(config(f"r{number + 1}", gate=f"{number + 1}", stream="concurrency: 9"))
        waiting = asyncio.create_task(project.reload(config("r5", stream="concurrency: 9")))
        await eventually(lambda: "the reload waits" in caplog.text)
        assert [record.getMessage() for record in caplog.records if "waits" in record.getMessage()] == [
            "the reload waits, since 3 old generations are still in use: "
            + "; ".join(f"{name} (1 message of events)" for name in names[:3])
        ]
        assert app.generation == names[3]
        project.open_gate("2")
        assert await waiting == app.generation
        assert [name for name, _ in app.old_generations()] == [names[0], names[2], names[3]]
        for gate in "134":
            project.open_gate(gate)
    assert sorted(project.handlers.closed) == [1, 2, 3, 4, 5]
    assert project.ended() == {n: (f"r{n}", n) for n in range(1, 5)}


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ("bad.raises", "container bad.raises failed: ValueError: no DSN"),
        ("bad.exits", "container bad.exits failed: SystemExit: 3"),
        ("bad.interrupts", "container bad.interrupts failed: KeyboardInterrupt"),
    ],
)
async def test_a_container_that_cannot_be_opened_leaves_the_running_generation(
    project: Reloadable, container: str, message: str
) -> None:
    (project.folder / "bad.py").write_text(BAD)
    async with project.running(config("one")) as app:
        running = app.generation
        with pytest.raises(SetupError) as refused:
            await project.prepare(config("two", container=container))
        assert str(refused.value) == message
        assert app.generation == running
        await project.publish(1)
        await eventually(lambda: project.ended() == {1: ("one", 1)})
        await project.reload(config("three"))
    assert project.handlers.closed == [1, 2]


BAD = """
import asyncio, sys

state = []

def raises():
    raise ValueError("no DSN")

async def exits():
    sys.exit(3)

def interrupts():
    raise KeyboardInterrupt

async def hangs():
    state.append("waits")
    try:
        await asyncio.Event().wait()
    finally:
        state.append("cancelled")
"""


async def test_cancelling_prepare_leaves_nothing_open(project: Reloadable) -> None:
    (project.folder / "bad.py").write_text(BAD)
    async with project.running(config("one")) as app:
        preparing = asyncio.create_task(project.prepare(config("two", container="bad.hangs")))
        await eventually(lambda: "bad" in sys.modules and sys.modules["bad"].state == ["waits"])
        preparing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await preparing
        assert sys.modules["bad"].state == ["waits", "cancelled"]
        before = app.generation
        assert await project.reload(config("three")) == app.generation != before


async def test_a_container_that_cannot_be_closed_is_logged_once(
    project: Reloadable, caplog: pytest.LogCaptureFixture
) -> None:
    (project.folder / "leaky.py").write_text(LEAKY)
    async with project.running(config("one", container="leaky.build")) as app:
        first = app.generation
        await project.reload(config("two"))
        await eventually(lambda: not app.old_generations())
    lines = [record.getMessage() for record in caplog.records if "leaky" in record.getMessage()]
    assert lines == [f"closing the container leaky.build failed: OSError: gone (generation {first})"]


LEAKY = """
from contextlib import contextmanager

@contextmanager
def build():
    yield {"of": 0}
    raise OSError("gone")
"""


def settings_of(number: int) -> str:
    """Settings of the consumer: most reloads change none, some change it in place, some replace it."""
    return f"concurrency: {8 + number // 4 % 3}, lease: {60 + number // 20}s, claim_interval: 100ms"


async def test_every_message_of_a_stream_that_changes_200_times_is_handled_once(
    project: Reloadable, redis_client: Redis
) -> None:
    """Each effect is by one generation: the route's name, its argument and its container belong together."""
    async with project.running(config("r1", stream=settings_of(1))) as app:
        done = asyncio.Event()
        published = 0

        async def publish() -> None:
            nonlocal published
            while not done.is_set():
                await project.publish(*range(published, published + 20))
                published += 20

        publishing = asyncio.create_task(publish())
        for number in range(2, 202):
            await project.reload(config(f"r{number}", stream=settings_of(number)))
        done.set()
        await publishing
        await eventually(lambda: len(project.ended()) == published)
        await eventually(lambda: not app.old_generations())
        pending: Any = await redis_client.xpending("events", "g")
        assert pending["pending"] == 0
    ran: Any = project.handlers.ran
    assert sorted(n for what, _, n, _ in ran if what == "end") == list(range(published))
    assert {(by, of) for _, by, _, of in ran} <= {(f"r{number}", number) for number in range(1, 202)}
    assert len({by for _, by, _, _ in ran}) > 50
    assert sorted(project.handlers.closed) == list(range(1, 202))


async def test_nothing_of_a_replaced_generation_stays_in_memory(project: Reloadable) -> None:
    (project.folder / "kept.py").write_text(KEPT)
    dispatchers = []
    async with project.running(config("one", container="kept.build")) as app:
        for number in range(2, 6):
            dispatchers.append(weakref.ref(app.services["events"].pipelines.current.dispatcher))
            await project.publish(number)
            await eventually(partial(project.has_started, number))
            settings = f"concurrency: {number}, lease: {60 + number // 4}s"
            await project.reload(config(f"r{number}", container="kept.build", stream=settings))
        await eventually(lambda: not app.old_generations())
        await eventually(lambda: sys.modules["kept"].living() == [5])
        assert [reference() for reference in dispatchers] == [None] * 4


KEPT = """
import gc, weakref

made = []

class Container(dict): ...

def build():
    container = Container(of=len(made) + 1)
    made.append(weakref.ref(container))
    return container

def living():
    gc.collect()
    return [number for number, reference in enumerate(made, 1) if reference() is not None]
"""


async def test_a_cold_change_is_refused_whole(project: Reloadable) -> None:
    async with project.running(config("one")) as app:
        with pytest.raises(SetupError, match=r'error\[SR508\]: group "h" of stream "events" differs'):
            await project.prepare(config("two").replace("group: g", "group: h"))
        assert project.handlers.opened == [1]
        await project.publish(1)
        await eventually(lambda: project.ended() == {1: ("one", 1)})
        assert await project.reload(config("three")) == app.generation
