"""Random configurations and events: a test app does what an app on a server does."""

from __future__ import annotations

import os
import random
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from app_worlds import BASE, HANDLERS, Play, Scenario, World, in_memory, on_server
from memory_projects import write_project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Outcomes = Mapping[tuple[str | None, str], int]

RUNS = int(os.environ.get("STREAMROUTE_RANDOM_APPS", "6"))
FILTERS = ["n > `2`", "n < `4`", "k == 'x'", "length(k) > `0`", "length(n) > `1`", "missing", "!missing", "n"]
TRANSFORMS = ["{n: n, total: n}", "{n: k, k: k}", "{total: length(n)}", "k", "{n: n, type: 'u'}"]
SIMPLE = ["plain", "fail", "fail_once", "later", "reject", "leave", "exit", "mutate", "total"]


RandomEvent = tuple[str, dict[str, Any], dict[str, Any]]


def random_route(rng: random.Random, name: str) -> str:
    """Return the YAML of a route."""
    kind = rng.choice(["t", "t", "u", "[t, u]"])
    handler = rng.choice(["ok", *SIMPLE])
    parts = [f"name: {name}", "stream: events", f"type: {kind}", f"handler: memory_handlers.{handler}"]
    if handler == "ok":
        parts.append(f"with: {{to: {name}}}")
    if rng.random() < 0.5:
        parts.append(f'filter: "{rng.choice(FILTERS)}"')
        if rng.random() < 0.4:
            parts.append(f"on_filter_error: {rng.choice(['no_match', 'dead_letter'])}")
    if rng.random() < 0.25 and handler != "mutate":
        parts.append(f'transform: "{rng.choice(TRANSFORMS)}"')
    if rng.random() < 0.25:
        parts.append(f"dedupe: {{key: {rng.choice(['k', 'n', 'missing'])}, ttl: 1d}}")
    if rng.random() < 0.2:
        parts.append("timeout: 20s")
    if rng.random() < 0.2:
        parts.append(f"retry: {{max_attempts: {rng.randint(1, 3)}, delay: 40ms, jitter: 0}}")
    if name != "r0" and rng.random() < 0.1:
        parts.append("shadow: true")
    if name != "r0" and rng.random() < 0.1:
        parts.append("enabled: false")
    return "  - {" + ", ".join(parts) + "}\n"


def random_scenario(seed: int) -> Scenario:
    """Return a configuration, and events to publish."""
    rng = random.Random(seed)  # noqa: S311 - a reproducible choice
    attempts = rng.randint(1, 3)
    facts = [
        "group: tests",
        "concurrency: 1",
        f"retry: {{max_attempts: {attempts}, delay: {rng.choice(['0s', '30ms', '50ms'])}, jitter: 0}}",
        f"codec: {rng.choice(['json', 'json', 'json', 'typed-fields', 'cloudevents'])}",
    ]
    if rng.random() < 0.3:
        facts.append(f"order_by: {rng.choice(['k', 'n', 'missing'])}")
    if rng.random() < 0.3:
        facts.append("unknown_type: dead_letter")
    if rng.random() < 0.2:
        facts.append("trim: {keep: acked}")
    names = [f"r{number}" for number in range(rng.randint(1, 4))]
    routes = "".join(random_route(rng, name) for name in names)
    paused = [name for name in names if rng.random() < 0.2]
    events = [
        (
            rng.choice(["t", "t", "u", "tt", "other"]),
            {"n": rng.randint(0, 5), "k": rng.choice(["x", "y", ""]), "source": "/shop"},
            {"id": rng.choice(["one", "two"])} if rng.random() < 0.2 else {},
        )
        for _ in range(rng.randint(1, 8))
    ]
    return Scenario(routes, random_play(rng, events, paused), f"streams: {{events: {{{', '.join(facts)}}}}}")


def random_play(
    rng: random.Random, events: list[tuple[str, dict[str, Any], dict[str, Any]]], paused: list[str]
) -> Play:
    cut = rng.randint(0, len(events))

    async def play(world: World) -> None:
        for kind, data, facts in events[:cut]:
            await world.publish(kind, data, **facts)
        await world.rest()
        for name in paused:
            await world.pause(name)
        for kind, data, facts in events[cut:]:
            await world.publish(kind, data, **facts)
        await world.rest()
        for name in paused:
            await world.resume(name)
        await world.rest()

    return play


@pytest.mark.parametrize("seed", range(RUNS))
async def test_a_random_app_does_what_it_does_on_a_server(seed: int, routes: Path, redis_url: str) -> None:
    scenario = random_scenario(seed)
    text = BASE.format(url=redis_url, streams=scenario.streams, routes=scenario.routes)
    path = write_project(routes.parent, text, HANDLERS)
    found = []
    for opened in (in_memory(path, scenario), on_server(path, scenario, redis_url)):
        async with opened as world:
            sys.modules["memory_handlers"].RAN.clear()
            await scenario.play(world)
            facts = (await world.facts()).unordered()
            found.append(replace(facts, outcomes=_settled(facts.outcomes)))
    assert found[0] == found[1], text


def _settled(outcomes: Outcomes) -> Outcomes:
    """Return the outcomes without those that depend on the moment.

    A duplicate may meet its lock before or after the ack, and a message may return before a worker knows of
    the end of the pause.
    """
    return {key: count for key, count in outcomes.items() if key[1] not in ("postponed", "parked")}
