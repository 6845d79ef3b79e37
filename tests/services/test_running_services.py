"""Services are started, replaced and drained in the background, whatever the server does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from redis.asyncio import Redis

from consuming import eventually, within_patience
from streamroute.adapters.stream.publishers import connection_of
from streamroute.errors import SetupError
from streamroute.services.running_services import RunningServices

if TYPE_CHECKING:
    from streamroute.services.service import Service


@dataclass(eq=False)
class FakeProcessor:
    """Notes what it is asked to do; its handlers run until ``ended`` is set."""

    calls: list[str]
    name: str
    running: int = 0
    stuck: int = 0
    failures: list[Exception] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_idle(self) -> bool:
        return self.ended.is_set()

    async def start_listening(self) -> None:
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop()
        self.calls.append(f"start {self.name}")

    def retire(self) -> None:
        self.calls.append(f"retire {self.name}")

    async def drain(self) -> None:
        await self.ended.wait()
        self.calls.append(f"end {self.name}")

    async def stop_listening(self) -> None:
        self.ended.set()
        self.calls.append(f"stop {self.name}")


@dataclass
class FakeStream:
    name: str
    concurrency: int = 4
    order_by: str | None = None


@dataclass(eq=False)
class FakeService:
    config: FakeStream
    processor: FakeProcessor


class Running:
    """Services under test, and what their processors were asked to do."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        redis = connection_of(Redis())
        self.services = RunningServices(redis, {}, self.started, lambda: None, start_pause=0.01)

    async def started(self, service: Service) -> None:
        self.calls.append("watched")

    def service(self, name: str, **settings: Any) -> FakeService:
        return FakeService(FakeStream("events", **settings), FakeProcessor(self.calls, name))

    def all(self) -> list[Any]:
        return [*self.services.all]

    def replace(self, *services: FakeService) -> None:
        self.services.replace(cast("Any", {service.config.name: service for service in services}))


@pytest.fixture
async def running() -> Any:
    made = Running()
    yield made
    await within_patience(made.services.stop())
    assert not asyncio.all_tasks() - {asyncio.current_task()}


async def test_a_service_is_replaced_at_once_where_order_does_not_matter(running: Running) -> None:
    one, two = running.service("one"), running.service("two")
    running.replace(one)
    await eventually(lambda: running.calls == ["start one", "watched"])
    running.replace(two)
    assert (running.calls[2:], running.all()) == (["retire one"], [two, one])
    await eventually(lambda: running.calls[3:] == ["start two", "watched"])
    one.processor.ended.set()
    await eventually(lambda: running.all() == [two])


@pytest.mark.parametrize("settings", [{"concurrency": 1}, {"order_by": "key"}])
@pytest.mark.parametrize("is_new", [True, False])
async def test_where_order_matters_the_next_waits(
    running: Running, settings: Any, is_new: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    one = running.service("one", **({} if is_new else settings))
    two = running.service("two", **(settings if is_new else {}))
    running.replace(one)
    await eventually(lambda: "start one" in running.calls)
    one.processor.running = 2
    running.replace(two)
    await eventually(lambda: caplog.messages)
    assert caplog.messages == ["events keeps its order: reading continues after 2 running handlers"]
    assert "start two" not in running.calls
    one.processor.ended.set()
    await eventually(lambda: "start two" in running.calls)


async def test_one_that_waits_may_be_replaced_itself(running: Running) -> None:
    one, two, three = (running.service(name, order_by="key") for name in ("one", "two", "three"))
    running.replace(one)
    await eventually(lambda: "start one" in running.calls)
    running.replace(two)
    two.processor.ended.set()
    running.replace(three)
    await eventually(lambda: "end two" in running.calls)
    one.processor.ended.set()
    await eventually(lambda: "start three" in running.calls)
    assert "start two" not in running.calls
    assert running.all() == [three]


async def test_a_start_that_fails_is_repeated(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    one = running.service("one")
    one.processor.failures = [OSError("gone"), SetupError("events is a string")]
    running.replace(one)
    await eventually(lambda: "start one" in running.calls)
    first, second = caplog.messages
    assert first == "could not start consuming events; trying again in 0.01 s: events is a string"
    assert second.startswith("could not start consuming events; trying again in 0.01 s: RedisUnavailable")


async def test_stopping_stops_retired_services_and_starts_none(running: Running) -> None:
    one, two = running.service("one", order_by="key"), running.service("two")
    running.replace(one)
    await eventually(lambda: "start one" in running.calls)
    running.replace(two)
    await within_patience(running.services.stop())
    assert {"stop one", "stop two", "end one"} <= set(running.calls)
    assert "start two" not in running.calls
    running.replace(running.service("three"))
    await asyncio.sleep(0)
    assert "start three" not in running.calls


async def test_counts_include_retired_services(running: Running) -> None:
    """A stream is blocked if as many handlers are stuck as may run: a retired stuck one blocks nothing."""
    one, two = running.service("one"), running.service("two", concurrency=3)
    running.replace(one)
    running.replace(two)
    one.processor.running, one.processor.stuck, two.processor.running = 2, 1, 3
    services = running.services
    assert (services.running(), services.stuck(), services.concurrency()) == (
        {"events": 5},
        {"events": 1},
        {"events": 4},
    )
