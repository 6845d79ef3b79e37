"""The oracle of reloads, with hand-made ledgers: each breach is found, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ledger import Order, Run
from reload_configs import is_good, lane_of, takes_canary
from reload_verdict import Applied, ContainerEvent, Storm, judge_storm, open_containers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_APPLIED = {0: Applied("aaa", 0), 2: Applied("bbb", 20), 4: Applied("ccc", 40)}
_PARTS = {"with": 2, "handler": 2, "container": 2}
_FACTS = {"parts": _PARTS, "generation": "bbb", "route": "audit", "lane": 0, "history": [], "is_open": True}
_DONE = Run(
    what="done", n=7, id="7-0", route="audit", attempt=1, deliveries=1, worker="p1", at=30, facts=_FACTS
)
_LETTER = {"id": "7-0", "attempt": 2, "generation": "ccc", "generations": ["bbb"]}


def changed(run: Run = _DONE, **facts: Any) -> Run:
    return replace(run, facts={**run.facts, **facts})


def problems(*runs: Run, sent: float = 25, **facts: Any) -> list[str]:
    """Return the breaches, without the details."""
    order = Order(n=7, id="7-0", sent=sent, at=sent, routes=frozenset({"audit"}))
    storm = Storm(applied=_APPLIED, orders=[order], runs=runs, **facts)
    return [problem.split(":")[0] for problem in judge_storm(storm)]


def failed(attempt: int = 1, generation: str = "bbb", route: str = "flaky") -> Run:
    edit = next(edit for edit, applied in _APPLIED.items() if applied.generation == generation)
    parts = dict.fromkeys(_PARTS, edit)
    history = ["bbb"] * (attempt - 1)
    facts: dict[str, Any] = {"parts": parts, "generation": generation, "route": route, "history": history}
    return replace(changed(**facts), what="fail", route="flaky", attempt=attempt)


def test_an_effect_of_one_generation_is_as_it_should_be() -> None:
    assert problems(_DONE) == []
    assert problems(replace(_DONE, what="start", facts={})) == []


@pytest.mark.parametrize("part", ["with", "handler", "container", "transform"])
def test_a_part_of_another_edit_makes_a_mixture(part: str) -> None:
    assert "a mixture of edits" in problems(changed(parts={**_PARTS, part: 4}))


def test_a_refused_edit_has_no_effect() -> None:
    assert problems(changed(parts=dict.fromkeys(_PARTS, 3))) == ["the work of an edit that was refused"]


def test_an_effect_names_the_generation_of_its_edit() -> None:
    assert problems(changed(generation="ccc")) == ["decoded by one generation and run by bbb"]


def test_the_routes_of_a_delivery_are_of_one_edit() -> None:
    other = changed(parts=dict.fromkeys(_PARTS, 4), generation="ccc", route="rest", lane=0)
    assert lane_of(4) != 0
    assert problems(_DONE, other) == ["one delivery by the edits 2 and 4"]
    assert problems(_DONE, replace(other, deliveries=2)) == []


@pytest.mark.parametrize(("route", "lane"), [("picked", 0), ("rest", lane_of(2))])
def test_a_filter_of_another_edit_is_noticed(route: str, lane: int) -> None:
    assert problems(changed(route=route, lane=lane)) == ["accepted by a filter of another edit"]


@pytest.mark.parametrize(("route", "lane"), [("picked", lane_of(2)), ("rest", 0)])
def test_its_own_filter_is_accepted(route: str, lane: int) -> None:
    assert problems(changed(route=route, lane=lane)) == []


def test_a_canary_takes_its_share() -> None:
    inside = next(n for n in range(100) if takes_canary(2, n))
    outside = next(n for n in range(100) if not takes_canary(2, n))
    canary = changed(route="flaky-canary")
    assert problems(replace(canary, n=inside)) == []
    assert problems(replace(canary, n=outside)) == ["taken by a canary of another edit"]


def test_a_shadow_never_runs() -> None:
    assert problems(changed(route="shade")) == ["a shadow ran"]


def test_a_message_is_decided_by_what_is_in_force_when_it_is_sent_or_later() -> None:
    late = "decided by an edit that had been replaced when the message was sent"
    assert problems(_DONE, sent=10) == []
    assert problems(_DONE, sent=39) == []
    assert problems(_DONE, sent=41) == [late]


def test_a_retry_stays_in_its_route_and_knows_its_history() -> None:
    again = replace(changed(route="flaky", history=["bbb"]), route="flaky", attempt=2)
    assert problems(failed(), again) == []
    assert problems(failed(), changed(again, history=["ccc"])) == ["a history of other generations"]
    assert problems(failed(), changed(again, history=[])) == ["a history of other generations"]
    moved = changed(again, route="flaky-canary")
    assert problems(failed(), moved) == ["a retry of a route that has not failed"]


@pytest.mark.parametrize(
    ("letter", "breaches"),
    [
        (_LETTER, []),
        ({**_LETTER, "generation": "bbb"}, ["a dead letter of other generations"]),
        ({**_LETTER, "generations": ["aaa"]}, ["a dead letter of other generations"]),
        ({"id": "7-0", "attempt": 2}, ["a dead letter of other generations"]),
    ],
)
def test_a_dead_letter_names_the_generations_that_failed(
    letter: Mapping[str, Any], breaches: Sequence[str]
) -> None:
    assert problems(failed(), failed(2, "ccc"), letters=[letter]) == breaches


def test_a_container_is_closed_once_and_after_its_last_run() -> None:
    opened, closed = (ContainerEvent(what, 2, 0, "p1") for what in ("open", "close"))
    breach = "the container of an edit was not opened and closed once"
    assert problems(containers=[opened, closed]) == []
    assert problems(containers=[opened]) == [breach]
    assert problems(containers=[opened], killed=frozenset(["p1"])) == []
    assert problems(containers=[opened, closed, closed]) == [breach]
    assert problems(containers=[opened, closed, closed], killed=frozenset(["p1"])) == [breach]
    assert problems(changed(is_open=False)) == ["ran with a closed container"]


def test_open_containers_are_known_by_process() -> None:
    events = [ContainerEvent("open", 0, 0, "p1"), ContainerEvent("open", 2, 1, "p1")]
    assert open_containers([*events, ContainerEvent("close", 0, 0, "p1")]) == {"p1": [2]}
    assert open_containers([*events, ContainerEvent("close", 0, 0, "p2")])["p1"] == [0, 2]


def test_edits_are_good_and_bad_by_turns() -> None:
    assert [is_good(edit) for edit in range(4)] == [True, False, True, False]
