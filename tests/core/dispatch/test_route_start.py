"""A message that is started is handled as one that is processed, which is the definition."""

from __future__ import annotations

import asyncio
import gc
from dataclasses import replace
from types import GeneratorType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples
from dispatched_worlds import ACTIONS, EVENTS, FILTERS, KINDS, ROUTES, RoutePlan, Step, World
from messages import message_of

facts = st.fixed_dictionaries(
    {"outcomes": st.sampled_from([[], [], None])},
    optional={
        "attempt": st.sampled_from([1, 2]),
        "routes": st.sampled_from([frozenset({"a"}), frozenset({"b", "gone"})]),
        "stream": st.sampled_from(["s", "other"]),
        "accepted": st.booleans(),
    },
)
common_facts: st.SearchStrategy[dict[str, Any]] = st.just({"outcomes": []})
messages = st.builds(
    Step,
    n=st.integers(0, 6),
    action=st.sampled_from(ACTIONS),
    waits=st.sampled_from([0, 0, 1, 2]),
    facts=common_facts | facts.map(lambda found: {**found, "outcomes": found["outcomes"] and None}),
    type=st.sampled_from(["t", "t", "t", "u", "unlisted", "", None, 5, ["t"]]),
    is_plain=st.sampled_from([False, False, False, True]),
)
plain_messages = st.builds(
    Step,
    n=st.integers(0, 6),
    action=st.just("return"),
    waits=st.sampled_from([0, 0, 0, 1]),
    facts=common_facts,
)
steps = st.lists(messages | plain_messages | st.sampled_from(EVENTS), min_size=1, max_size=14)
routes = st.builds(
    RoutePlan,
    name=st.sampled_from(ROUTES),
    kind=st.sampled_from([kind for kind in KINDS if kind != "thread"]),
    filter=st.sampled_from(FILTERS),
    types=st.sampled_from([("t",), ("t", "u"), ("u",)]),
    equal_to=st.integers(0, 6),
)


def seen(way: str, plans: list[RoutePlan], steps: list[Any], *, is_recorded: bool = True) -> list[Any]:
    """Return what a world shows."""

    async def run() -> list[Any]:
        return await World(way, plans, is_recorded=is_recorded).run(_fresh(steps))

    return asyncio.run(run())


def _fresh(steps: list[Any]) -> list[Any]:
    """Return the steps with lists of outcomes of their own."""
    return [
        replace(step, facts={**step.facts, "outcomes": []})
        if isinstance(step, Step) and step.facts["outcomes"] is not None
        else step
        for step in steps
    ]


@settings(max_examples=examples(2), deadline=None)
@given(plans=st.lists(routes, min_size=1, max_size=3), steps=steps, is_recorded=st.booleans())
def test_whatever_happens_it_is_seen_as_if_it_were_processed(
    plans: list[RoutePlan], steps: list[Any], *, is_recorded: bool
) -> None:
    started = seen("start_message", plans, steps, is_recorded=is_recorded)
    assert started == seen("process_message", plans, steps, is_recorded=is_recorded)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("waits", [0, 1])
def test_each_kind_of_handler_does_the_same_with_each_action(kind: str, waits: int) -> None:
    plans = [RoutePlan("a", kind, "none")]
    steps = [Step(n, action, waits, {"outcomes": []}) for action in ACTIONS for n in (0, 1, 2, 4)]
    assert seen("start_message", plans, steps) == seen("process_message", plans, steps)


def test_routes_in_an_index_are_found() -> None:
    plans = [RoutePlan(f"r{n}", "payload", "equal", equal_to=n // 2) for n in range(12)]
    plans += [RoutePlan("b", "payload", "raises")]
    steps = [
        Step(n, action, 0, {"outcomes": []}) for n in range(7) for action in ("return", "raise", "change")
    ]
    assert seen("start_message", plans, steps) == seen("process_message", plans, steps)


async def test_a_handler_that_returns_at_once_leaves_nothing_to_await() -> None:
    world = World("start_message", [RoutePlan("a", "payload", "even")], is_recorded=True)
    world._step = Step(0, "return", 0)
    for n in range(4):
        assert world.handle(message_of({"type": "t", "n": n, "list": []}, stream="s")) is None


async def test_a_message_may_be_started_by_the_handler_of_another() -> None:
    world = World("start_message", [RoutePlan("a", "payload", "none")], is_recorded=True)
    ran: list[int] = []

    def begin(_name: str, payload: Any, _container: Any) -> None:
        ran.append(payload["n"])
        if payload["n"]:
            assert world.handle(message_of({"type": "t", "n": payload["n"] - 1}, stream="s")) is None

    world._begin = begin  # type: ignore[method-assign, assignment]  # it starts another message
    world._step = Step(0, "return", 0)
    for _ in range(2):
        assert world.handle(message_of({"type": "t", "n": 3}, stream="s")) is None
    assert ran == 2 * [3, 2, 1, 0]


async def test_waiting_handlers_run_side_by_side() -> None:
    world = World("start_message", [RoutePlan("a", "payload", "none")], is_recorded=True)
    world._step = Step(0, "return", 0)
    assert world.handle(message_of({"type": "t", "n": 0}, stream="s")) is None
    world._step = Step(0, "return", 2)
    rests = [world.handle(message_of({"type": "t", "n": n}, stream="s")) for n in range(3)]
    assert sum(event[0] == "acts" for event in world.log) == 1
    await asyncio.gather(*rests)
    assert sum(event[0] == "acts" for event in world.log) == 4


async def test_a_message_that_was_handled_is_not_kept() -> None:
    world = World("start_message", [RoutePlan("a", "payload", "none")], is_recorded=False)
    world._step = Step(0, "return", 0)
    for _ in range(2):
        message = message_of({"type": "t", "n": 0}, stream="s")
        assert world.handle(message) is None
    assert not any(isinstance(one, GeneratorType) for one in gc.get_referrers(message))
