"""The worlds in which a scenario is played: a test app, and the app that ``serve`` runs on a server."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from consuming import eventually
from streamroute.adapters.entries.dead_record import DeadRecord
from streamroute.adapters.pauses.store import PauseStore
from streamroute.adapters.redis.connection import RedisConnection, open_redis
from streamroute.app import App, open_app
from streamroute.compiler.pipeline import check_path
from streamroute.keys import GroupKeys
from streamroute.publishing.event import Event
from streamroute.publishing.event_writer import EventWriter
from streamroute.publishing.settings import PublishSettings
from streamroute.testing import TestApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HANDLERS = """
import asyncio
import time

from streamroute import Reject, Retry

RAN = []


def note(payload, *words):
    facts = [getattr(payload, name, None) for name in ("attempt", "deliveries")]
    RAN.append((*words, payload.get("n"), *facts))


async def ok(payload, container, *, to="ok"):
    note(payload, to, container)


def plain(payload):
    time.sleep(0.001)
    note(payload, "plain")


async def slow(payload):
    note(payload, "begin")
    await asyncio.sleep(0.01 * (3 - payload["n"] % 3))
    note(payload, "end")


async def fail(payload):
    note(payload, "fail")
    raise ValueError("no such guest")


async def fail_once(payload):
    note(payload, "try")
    if payload.attempt == 1:
        raise ConnectionError("not now")


async def later(payload):
    note(payload, "later")
    if payload.attempt == 1:
        raise Retry(delay=0.05)


async def reject(payload):
    raise Reject("not for us")


async def leave(payload):
    note(payload, "leave")
    raise asyncio.CancelledError


async def exit(payload):
    raise SystemExit(3)


async def hang(payload):
    note(payload, "hang")
    await asyncio.sleep(3600)


async def mutate(payload):
    payload["n"] = "changed"


async def total(payload):
    note(payload, "total", payload.get("total"))


def container():
    return "container"
"""

BASE = """
version: 1
redis: {{url: "{url}"}}
container: memory_handlers.container
{streams}
routes:
{routes}
"""

STREAMS = "streams: {events: {group: tests, retry: {max_attempts: 2, delay: 50ms, jitter: 0}}}"


class World(Protocol):
    """What runs a scenario: a test app, or an app on a server."""

    async def publish(self, kind: str, data: Mapping[str, Any], **facts: Any) -> None:
        """Publish an event to the stream ``events``."""
        ...

    async def add(self, fields: Mapping[str, str]) -> None:
        """Append an entry with these fields."""
        ...

    async def lose(self, fields: Mapping[str, str]) -> None:
        """Append an entry that a worker has read which died."""
        ...

    async def rest(self) -> None:
        """Wait until all that may run has run, retries included."""
        ...

    async def pause(self, route: str) -> None:
        """Pause a route."""
        ...

    async def resume(self, route: str) -> None:
        """Resume a route."""
        ...

    async def facts(self) -> Facts:
        """Return what happened."""
        ...


@dataclass(frozen=True)
class Facts:
    """What happened: the calls of handlers, the outcomes, the dead letters, the entries of ``copies``."""

    ran: list[Any]
    outcomes: Mapping[tuple[str | None, str], int]
    dead: list[tuple[Any, ...]]
    copies: list[dict[bytes, bytes]]

    def unordered(self) -> Facts:
        """Return the same with calls in a canonical order."""
        return Facts(sorted(self.ran, key=repr), self.outcomes, sorted(self.dead, key=repr), self.copies)


class InMemory:
    """A test app."""

    def __init__(self, app: TestApp) -> None:
        self._app = app

    async def publish(self, kind: str, data: Mapping[str, Any], **facts: Any) -> None:
        await self._app.publish("events", kind, data, **facts)

    async def add(self, fields: Mapping[str, str]) -> None:
        await self._app.publish_raw("events", fields)

    async def lose(self, fields: Mapping[str, str]) -> None:
        stream, group = self._app._server.group("events", "tests")
        stream.add({name.encode(): value.encode() for name, value in fields.items()}, self._app.now)
        stream.read(group, "dead", 1, self._app.now)

    async def rest(self) -> None:
        await self._app.advance("2m")

    async def pause(self, route: str) -> None:
        await self._app.pause(route)

    async def resume(self, route: str) -> None:
        await self._app.resume(route)

    async def facts(self) -> Facts:
        dead = [
            (one.route, one.reason, one.attempt, one.deliveries, one.type) for one in self._app.dead_letters
        ]
        copies = [dict(entry) for entry in self._app.entries("copies")]
        return Facts(list(sys.modules["memory_handlers"].RAN), dict(self._app.outcomes), dead, copies)


@dataclass
class OnServer:
    """The app that ``serve`` runs, on a server."""

    app: App
    redis: RedisConnection
    writer: EventWriter
    outcomes: Counter[tuple[str | None, str]]

    async def publish(self, kind: str, data: Mapping[str, Any], **facts: Any) -> None:
        await self.writer.publish("events", Event(kind, data, **facts))

    async def add(self, fields: Mapping[str, str]) -> None:
        client: Any = self.redis.client
        await client.xadd("events", dict(fields))

    async def lose(self, fields: Mapping[str, str]) -> None:
        # Before the app reads it: the test starts the app after this.
        client: Any = self.redis.client
        await client.xgroup_create("events", "tests", id="0", mkstream=True)
        await client.xadd("events", dict(fields))
        await client.xreadgroup("tests", "dead", {"events": ">"}, count=1)

    async def rest(self) -> None:
        async def is_busy() -> bool:
            last = await self.app.publisher("events").last_id()
            remains = await self.app.backlog("events").remains(last)
            return remains or bool(self.app.running()["events"])

        while await is_busy():
            await _a_moment()

    async def pause(self, route: str) -> None:
        await PauseStore(self.redis, GroupKeys.of("events", "tests")).pause(route, "", "test")
        processor = self.app.services["events"].processor
        assert processor._gate is not None
        gate = processor._gate
        await eventually(lambda: route in gate.view.routes)

    async def resume(self, route: str) -> None:
        keys = GroupKeys.of("events", "tests")
        await PauseStore(self.redis, keys).resume(route)
        while await self.redis.client.exists(f"{keys.prefix}:parked"):
            await _a_moment()

    async def facts(self) -> Facts:
        config = self.app.services["events"].config
        key = GroupKeys.of("events", "tests", config.dead_letter).dead
        client: Any = self.redis.client
        records = [DeadRecord.read(fields) for _, fields in await client.xrange(key)]
        dead = [(one.route, one.reason, one.attempt, one.deliveries, one.type) for one in records]
        entries = await client.xrange("copies")
        return Facts(
            list(sys.modules["memory_handlers"].RAN), dict(self.outcomes), dead, [dict(e) for _, e in entries]
        )


async def _a_moment() -> None:
    await asyncio.sleep(0.02)


Play = Callable[[World], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """A configuration, and what is done with it; ``ordered``: the order of calls counts."""

    routes: str
    play: Play
    streams: str = STREAMS
    ordered: bool = False
    loses: Mapping[str, str] | None = None


@asynccontextmanager
async def in_memory(path: Path, scenario: Scenario) -> AsyncIterator[World]:
    """Yield a test app."""
    async with TestApp(path) as app:
        world = InMemory(app)
        if scenario.loses:
            await world.lose(scenario.loses)
        yield world


@asynccontextmanager
async def on_server(path: Path, scenario: Scenario, url: str) -> AsyncIterator[World]:
    """Yield an app on a server."""
    checked = check_path(path)
    assert checked.document is not None
    assert checked.compiled is not None
    outcomes: Counter[tuple[str | None, str]] = Counter()
    async with (
        open_redis(url, folder=path.parent) as redis,
        open_app(
            redis,
            checked.document,
            checked.compiled,
            observer=lambda _payload, route, result: outcomes.update([(route, str(result))]),
        ) as app,
    ):
        settings = PublishSettings(checked.document, checked.compiled.codecs)
        world = OnServer(app, redis, EventWriter(redis, settings), outcomes)
        if scenario.loses:
            await world.lose(scenario.loses)
        await app.start()
        yield world
