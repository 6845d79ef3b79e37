"""A reload that changes consumers: settings, streams that come and go, and what runs meanwhile."""

from __future__ import annotations

import asyncio
import gc
import operator
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consuming import eventually
from open_files import count_open_files
from reloads import Reloadable, reloadable
from streamroute.adapters.stream.storage import RedisStreamStorage
from streamroute.compiler.runtime.container_task import ContainerTask
from streamroute.core.processor import RedisStreamProcessor
from streamroute.errors import SetupError
from streamroute.keys import GroupKeys
from streamroute.stream_pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from redis.asyncio import Redis

KEYS = GroupKeys.of("events", "g")


@pytest.fixture
def project(tmp_path: Path, redis_url: str) -> Iterator[Reloadable]:
    yield from reloadable(tmp_path, redis_url)


def config(name: str, settings: str = "", *, gate: str = "", streams: str = "events") -> str:
    """A configuration whose route notes its own name, for each of these streams."""
    declared = ", ".join(f"{stream}: {{group: g, {settings}}}" for stream in streams.split())
    listed = ", ".join(streams.split())
    return f"""
container: held.build
defaults: {{concurrency: 4, claim_interval: 100ms}}
streams: {{{declared}}}
routes:
  - {{name: {name}, stream: [{listed}], type: t, handler: held.note, with: {{by: {name}, gate: "{gate}"}}}}
"""


async def test_a_replaced_consumer_lets_its_handlers_end_and_the_new_one_goes_on(
    project: Reloadable, redis_client: Redis
) -> None:
    async with project.running(config("one", gate="g")) as app:
        old = app.services["events"].processor
        await project.publish(1)
        await eventually(lambda: project.has_started(1))
        await project.reload(config("two", "dead_letter: '{events}:gone'"))
        new = app.services["events"].processor
        assert new.consumer_name == f"{old.consumer_name}-2"
        await project.publish(2, 3)
        await eventually(lambda: project.ended() == {2: ("two", 2), 3: ("two", 2)})
        assert (app.running(), project.handlers.closed) == ({"events": 1}, [])
        project.open_gate("g")
        await eventually(lambda: project.handlers.closed == [1])
        assert project.ended()[1] == ("one", 1)
        assert not await pending(redis_client)
        await eventually(lambda: old.is_idle and not app.old_generations())
        await eventually(lambda: has_left(redis_client, old.consumer_name))
        await project.reload(config("three"))
        assert app.services["events"].processor.consumer_name == old.consumer_name
    assert len(project.handlers.ran) == 6


async def pending(client: Redis) -> Any:
    """Return how many entries are pending in the stream and in its retries."""
    counts = [(await client.xpending(key, "g"))["pending"] for key in (KEYS.stream, KEYS.retry)]
    return sum(counts)


async def has_left(client: Redis, consumer: str) -> bool:
    """Return whether a consumer is not among the group's workers any more."""
    return not await client.hexists(KEYS.workers, consumer)


async def test_queued_entries_of_a_replaced_consumer_go_to_the_new_one(project: Reloadable) -> None:
    async with project.running(config("one", "order_by: key", gate="g")) as app:
        await project.publish(1, 2, 3, key="same")
        await eventually(lambda: project.has_started(1))
        await eventually(lambda: app.services["events"].processor.in_flight_of(current(app)) == 3)
        await project.reload(config("two", "lease: 50s, order_by: key"))
        await project.publish(4, key="same")
        await asyncio.sleep(0.2)
        assert len(project.handlers.ran) == 1, "it keeps the order: 2 starts when 1 has ended"
        project.open_gate("g")
        await eventually(lambda: len(project.ended()) == 4)
    assert list(project.ended().items()) == [(1, ("one", 1)), *((n, ("two", 2)) for n in (2, 3, 4))]
    assert len(project.handlers.ran) == 8


def current(app: Any) -> Any:
    """Return the pipeline that decodes the stream's messages."""
    return app.services["events"].pipelines.current


async def test_concurrency_changes_in_place(project: Reloadable) -> None:
    async with project.running(config("one", "concurrency: 2", gate="g")) as app:
        processor = app.services["events"].processor
        await project.publish(*range(6))
        await eventually(lambda: processor.running == 2)
        await project.reload(config("two", "concurrency: 5", gate="g"))
        assert app.services["events"].processor is processor
        await eventually(lambda: processor.running == 5)
        await project.reload(config("three", "concurrency: 2", gate="h"))
        assert app.services["events"].processor is processor
        await project.publish(*range(6, 10))
        project.open_gate("g")
        await eventually(lambda: len(project.ended()) == 6 and processor.running == 2)
        project.open_gate("h")
        await eventually(lambda: len(project.ended()) == 10)
    assert len(project.handlers.ran) == 20


async def test_concurrency_one_starts_nothing_beside_what_runs(project: Reloadable) -> None:
    async with project.running(config("one", "concurrency: 3", gate="g")) as app:
        await project.publish(1, 2)
        await eventually(lambda: app.running() == {"events": 2})
        await project.reload(config("two", "concurrency: 1"))
        await project.publish(3, 4)
        await asyncio.sleep(0.2)
        assert not project.has_started(3)
        project.open_gate("g")
        await eventually(lambda: len(project.ended()) == 4)
    assert [n for what, _, n, _ in project.handlers.ran if what == "start"][2:] == [3, 4]


async def test_trim_changes_in_place(project: Reloadable) -> None:
    async with project.running(config("one", "trim: {keep: 7d}")) as app:
        service = app.services["events"]
        await project.reload(config("two", "trim: {keep: 1d}"))
        assert app.services["events"].processor is service.processor
        assert isinstance(service.storage, RedisStreamStorage)
        assert service.storage._cleaner.retention == 86_400


async def test_a_stream_is_added_and_removed(project: Reloadable, redis_client: Redis) -> None:
    async with project.running(config("one", streams="events", gate="g")) as app:
        await project.reload(config("two", streams="events more"))
        await project.publish(1, 2)
        await project.publish(3, stream="more")
        await eventually(lambda: project.ended() == dict.fromkeys((1, 2, 3), ("two", 2)))
        assert list(app.services) == ["events", "more"]
        await project.reload(config("three", streams="more", gate="g"))
        assert list(app.services) == ["more"]
        await project.publish(4, stream="more")
        await eventually(lambda: project.has_started(4))
        await eventually(lambda: has_left(redis_client, app.services["more"].processor.consumer_name + "-2"))
        await eventually(lambda: app.running() == {"more": 1})
        keys: Any = await redis_client.hkeys(KEYS.workers)
        await eventually(lambda: not app.old_generations())
        assert keys == []
        project.open_gate("g")


async def test_entries_of_a_removed_stream_stay_for_other_machines(
    project: Reloadable, redis_client: Redis
) -> None:
    async with project.running(config("one", streams="events more", gate="g")) as app:
        await project.publish(1, 2, 3, 4, 5, 6)
        await eventually(lambda: app.running()["events"] == 4)
        await eventually(lambda: app.services["events"].processor.in_flight_of(current(app)) == 6)
        await project.reload(config("two", streams="more"))
        await redis_client.xadd("events", {"data": '{"type": "t", "n": 7}'})
        project.open_gate("g")
        await eventually(lambda: not app.old_generations())
        await redis_client.xadd("events", {"data": '{"type": "t", "n": 8}'})
        summary: Any = await redis_client.xpending("events", "g")
        assert {one["name"] for one in summary["consumers"]} == {b"streamroute:released"}
        assert len(project.ended()) == 4
        await project.reload(config("three", streams="events more"))
        await eventually(lambda: len(project.ended()) == 8)
    assert [project.ended()[n][0] for n in range(1, 9)] == ["one"] * 4 + ["three"] * 4


async def test_a_stream_that_cannot_be_consumed_is_refused(project: Reloadable, redis_client: Redis) -> None:
    await redis_client.set("more", "text")
    async with project.running(config("one")) as app:
        with pytest.raises(SetupError, match=r"^the key more is a string"):
            await project.prepare(config("two", streams="events more"))
        assert (project.handlers.closed, list(app.services)) == ([2], ["events"])
        await project.publish(1)
        await eventually(lambda: project.ended() == {1: ("one", 1)})


async def test_stopping_while_a_consumer_waits_for_its_turn(project: Reloadable, redis_client: Redis) -> None:
    async with project.running(config("one", "concurrency: 1, grace: 100ms", gate="never")) as app:
        await project.publish(1, 2)
        await eventually(lambda: project.has_started(1))
        await project.reload(config("two", "concurrency: 1, lease: 50s"))
        await project.reload(config("three", "concurrency: 1, lease: 40s"))
        assert app.running() == {"events": 1}
    assert sorted(project.handlers.closed) == [1, 2, 3]
    assert not project.ended()
    summary: Any = await redis_client.xpending("events", "g")
    assert [(one["name"], one["pending"]) for one in summary["consumers"]] == [(b"streamroute:released", 2)]
    assert await redis_client.hlen(KEYS.workers) == 0


async def test_a_stuck_handler_keeps_its_generation_and_no_other(project: Reloadable) -> None:
    async with project.running(config("one", gate="never")) as app:
        first = app.generation
        await project.publish(1)
        await eventually(lambda: project.has_started(1))
        for number in range(2, 6):
            await project.reload(config(f"r{number}", f"lease: {number}s"))
            await project.publish(number)
            await eventually(partial(project.has_ended, number))
        await eventually(lambda: app.old_generations() == [(first, 1)])
        assert sorted(project.handlers.closed) == [2, 3, 4]
        project.open_gate("never")


def handles() -> tuple[int, int]:
    """Return the number of threads, and of open files where the system lists them."""
    return threading.active_count(), count_open_files()


def alive(kind: type) -> int:
    """Return how many objects of this class are alive."""
    gc.collect()
    return sum(type(thing) is kind for thing in gc.get_objects())


async def test_reloads_leave_nothing_behind(project: Reloadable) -> None:
    def settings(number: int) -> str:
        return f"lease: {60 + number % 3}s" if number % 4 == 0 else f"concurrency: {4 + number % 2}"

    async def reload(number: int) -> None:
        streams = "events more" if number % 5 == 0 else "events"
        await project.reload(config(f"r{number}", settings(number), streams=streams))
        await project.publish(number)
        await eventually(lambda: number in project.ended())
        await eventually(lambda: not app.old_generations())

    before = alive(Pipeline), alive(RedisStreamProcessor), alive(ContainerTask)
    async with project.running(config("r0")) as app:
        for number in range(1, 6):
            await reload(number)
        threads, files = handles()
        for number in range(6, 16):
            await reload(number)
        most = threads, files + 1  # a connection more, if two commands have met
        await eventually(lambda: all(map(operator.le, handles(), most)), "no thread or file more")
        assert len(asyncio.all_tasks()) < 20, "two streams have four loops each, and at most five workers"
        project.handlers.ran.clear()
        now = alive(Pipeline), alive(RedisStreamProcessor), alive(ContainerTask)
        pipelines, processors, containers = (after - past for after, past in zip(now, before, strict=True))
        assert (processors, containers <= 2, pipelines <= 4) == (2, True, True), "this one and the last"
