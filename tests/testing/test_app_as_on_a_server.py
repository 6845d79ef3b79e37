"""A test app does what ``serve`` does: each scenario is played in memory and on a server, and compared."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from consuming import eventually
from memory_projects import write_project
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


def events(*published: tuple[str, Mapping[str, Any]]) -> Play:
    """Return a play that publishes events, and waits until all has run."""

    async def play(world: World) -> None:
        for kind, data in published:
            await world.publish(kind, data)
        await world.rest()

    return play


def numbered(kind: str, count: int, **data: Any) -> Play:
    """Return a play that publishes numbered events."""
    return events(*((kind, {"n": n, **data}) for n in range(count)))


async def _entries(world: World) -> None:
    await world.add({"data": "{"})
    await world.add({"nothing": "here"})
    await world.add({"data": '{"type": "t", "n": 1}'})
    await world.rest()


async def _headers(world: World) -> None:
    await world.publish("t", {"n": 1}, headers={"tenant": "a"})
    await world.publish("t", {"n": 3}, id="order-7")
    await world.publish("t", {"n": 3}, id="order-7")
    await world.rest()


async def _pauses(world: World) -> None:
    await world.publish("t", {"n": 0})
    await world.rest()
    await world.pause("a")
    for n in (1, 2, 3):
        await world.publish("t", {"n": n})
    await world.rest()
    await world.resume("a")
    await world.publish("t", {"n": 4})
    await world.rest()


ROUTE = "  - {name: %s, stream: events, type: t, handler: memory_handlers.%s%s}\n"
FORWARD = """
  - {name: %s, stream: events, type: t, %shandler: streamroute.handlers.forward, with: {stream: copies}}
"""


def route(name: str, handler: str = "ok", more: str = "") -> str:
    """Return a route of the type ``t``."""
    return ROUTE % (name, handler, f", {more}" if more else "")


SCENARIOS: dict[str, Scenario] = {
    "filters": Scenario(
        route("a", more='filter: "n > `2`", with: {to: a}')
        + route("b", more='filter: "n < `4`", with: {to: b}')
        + route("broken", more='filter: "length(n) > `1`", on_filter_error: dead_letter'),
        numbered("t", 6),
    ),
    "unmatched": Scenario(route("a"), events(("other", {"n": 1}), ("t", {"n": 2}))),
    "unknown type": Scenario(
        route("a"),
        events(("other", {"n": 1})),
        "streams: {events: {group: tests, unknown_type: dead_letter}}",
    ),
    "retry": Scenario(route("a", "fail") + route("b", "fail_once"), numbered("t", 3)),
    "delay": Scenario(route("a", "later"), numbered("t", 2)),
    "reject": Scenario(route("a", "reject") + route("b"), numbered("t", 2)),
    "strange exceptions": Scenario(route("a", "leave") + route("b", "exit") + route("c"), numbered("t", 2)),
    "timeout": Scenario(route("a", "hang", "timeout: 100ms"), numbered("t", 2)),
    "sync": Scenario(route("a", "plain") + route("b", "plain"), numbered("t", 5)),
    "isolation": Scenario(route("a", "mutate") + route("b"), numbered("t", 2)),
    "transform": Scenario(
        route("a", "total", 'transform: "{total: n, n: n}"')
        + route("b", "total", 'transform: "{total: length(n)}"'),
        numbered("t", 2),
    ),
    "dedupe": Scenario(
        route("a", more="dedupe: {key: k, ttl: 1d}") + route("b", "fail_once", "dedupe: {key: k, ttl: 1d}"),
        events(*(("t", {"n": 1, "k": key}) for key in ("x", "x", "y"))),
        "streams: {events: {group: tests, concurrency: 1, retry: {max_attempts: 2, delay: 50ms, jitter: 0}}}",
    ),
    "order_by": Scenario(
        route("a", "slow"),
        events(*(("t", {"n": n, "k": "same"}) for n in range(6))),
        "streams: {events: {group: tests, concurrency: 4, order_by: k}}",
        ordered=True,
    ),
    "one at a time": Scenario(
        route("a", "slow"),
        numbered("t", 5),
        "streams: {events: {group: tests, concurrency: 1}}",
        ordered=True,
    ),
    "forward": Scenario(
        FORWARD % ("f", "") + FORWARD % ("g", 'transform: "{type: type}", '),
        numbered("t", 2),
        "streams: {events: {group: tests, concurrency: 1}, copies: {}}",
    ),
    "canary": Scenario(
        route("old", more="with: {to: old}")
        + route("new", more="with: {to: new}, instead_of: old, canary: {percent: 50, key: n}"),
        numbered("t", 30),
    ),
    "shadow": Scenario(route("a") + route("s", more='shadow: true, filter: "n > `1`"'), numbered("t", 4)),
    "disabled": Scenario(route("a") + route("off", more="enabled: false"), numbered("t", 2)),
    "codec errors": Scenario(route("a"), _entries),
    "fields": Scenario(
        route("a", "total"),
        numbered("t", 2),
        "streams: {events: {group: tests, codec: typed-fields}}",
    ),
    "cloudevents": Scenario(
        route("a"),
        numbered("t", 2, source="/shop"),
        "streams: {events: {group: tests, codec: cloudevents}}",
    ),
    "ways to publish": Scenario(route("a"), _headers),
    "pauses": Scenario(route("a", more="with: {to: a}") + route("b", more="with: {to: b}"), _pauses),
    "dead-letter stream": Scenario(
        route("a", "reject"), numbered("t", 1), 'streams: {events: {group: tests, dead_letter: "{events}:x"}}'
    ),
    "a worker that died": Scenario(
        route("a"),
        events(("t", {"n": 2})),
        "streams: {events: {group: tests, lease: 1s, claim_interval: 1s}}",
        loses={"data": '{"type": "t", "n": 1}'},
    ),
}


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


@pytest.mark.parametrize("name", SCENARIOS)
async def test_it_does_what_an_app_on_a_server_does(name: str, routes: Path, redis_url: str) -> None:
    scenario = SCENARIOS[name]
    text = BASE.format(url=redis_url, streams=scenario.streams, routes=scenario.routes)
    path = write_project(routes.parent, text, HANDLERS)
    found = []
    for opened in (in_memory(path, scenario), on_server(path, scenario, redis_url)):
        async with opened as world:
            sys.modules["memory_handlers"].RAN.clear()
            await scenario.play(world)
            facts = await world.facts()
            found.append(facts if scenario.ordered else facts.unordered())
    assert found[0] == found[1]
    assert found[0].outcomes
