"""A test app does what ``serve`` does: each scenario is played in memory and on a server, and compared."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from app_worlds import BASE, HANDLERS, Play, Scenario, World, in_memory, on_server
from memory_projects import write_project

if TYPE_CHECKING:
    from pathlib import Path


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
